import { expect, it } from 'vitest';
import { statusOf } from './support/http-message.ts';
import { ACCESS_KEY, rawRequest, startTestGateway } from './support/gateway.ts';
import { answering, OK, startRecordingUpstream } from './support/recording-upstream.ts';

it.each([
  '/api/v1/%2e%2e/keys',
  '/api/v1/%2E%2E/%2e%2e/admin',
  '/api/v1/..%2fkeys',
  '/api/v1/..%2Fkeys',
  '/api/v1/%2e./keys',
  '/api/v1/.%2e/keys',
  '/api/v1/%2e/keys',
  '/api/v1/./x',
  '/api/v1/../x',
  '/api/v1/x/..',
  '/api/v1/x/.',
  '/api/v1\\..\\keys',
  '/api/v1/..\\..\\admin',
  '/api/v1/%5c..%5ckeys',
  '/api/v1/x%00y',
  '/api/v1/x%0d%0aX-Injected:1',
  '/api/v1/x%7f',
  '/api/v1///x',
  '/api/v1/x//y',
  '//evil/api/v1/x',
  '//evil@host/api/v1/x',
  '/api/v1/x#fragment',
  '/\xe9/api/v1/x',
])('refuses %s and ends the connection; nothing reaches the upstream', async (path) => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawRequest('GET', path));
  await client.ended();
  expect(client.received).toMatch(/^HTTP\/1.1 400 /);
  expect(upstream.received()).toBe('');
});

it.each([
  'http://evil/',
  'http://evil/api/v1/models',
  'https://openrouter.ai/api/v1/models',
  'http://[',
  'http://a:99999999/',
  'a:b',
  '*',
  'evil:443',
  '?',
])('refuses the target %s: only a path is served', async (target) => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawRequest('GET', target));
  await client.ended();
  expect(client.received).toMatch(/^HTTP\/1.1 40[05] /);
  expect(client.received).toContain('"source":"gateway"');
  expect(upstream.received()).toBe('');
});

it('refuses CONNECT and ends the connection', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawRequest('CONNECT', 'evil:443'));
  await client.ended();
  expect(client.received).toMatch(/^HTTP\/1.1 405 /);
  expect(upstream.received()).toBe('');
});

it.each([
  '/chat/completions?',
  '/chat/completions?a=1?b=2',
  '/models/a%2Db/endpoints?q=\'{}|^`"<>',
  '/x/%7A/~!$&()*+,=:@',
  '/x/{a}|^`"<>',
  '/x?http://evil/../..//%2f',
  '/x/',
])('forwards %s byte for byte', async (path) => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawRequest('GET', `/v1${path}`));
  expect(statusOf(answer)).toBe(200);
  expect(upstream.requests()[0]?.startLine).toBe(`GET /api/v1${path} HTTP/1.1`);
});

it('answers a path that is not an API with 404 and needs no key for it', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawRequest('GET', '/admin'));
  expect(statusOf(answer)).toBe(404);
  expect(upstream.received()).not.toContain(ACCESS_KEY);
});

it('serves a base URL that ends with a slash', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawRequest('GET', '/api/v1//chat/completions?a=%2F'));
  expect(statusOf(answer)).toBe(200);
  expect(upstream.requests()[0]?.startLine).toBe('GET /api/v1/chat/completions?a=%2F HTTP/1.1');
});

it('checks the path that it sends: a slash too many makes nothing public', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  for (const path of ['/api/v1//key', '/api/v1//modelsx', '/api/v1/models//x', '//api/v1/models']) {
    const answer = await gateway.send(`GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`);
    expect([path, statusOf(answer)]).toEqual([path, path.includes('1//') ? 401 : 400]);
  }
  expect(upstream.received()).toBe('');
});

it.each([
  ['//api/v1/models', 400, 'remove the slash at the end of your base URL'],
  ['/api/v1/api/v1/chat/completions', 404, 'twice'],
  ['/v1/chat/completions/chat/completions', 404, 'twice'],
  ['/chat/completions', 404, 'No such path'],
])('answers %s with %i and the cure, without a lease', async (path, status, words) => {
  const gateway = await startTestGateway('http://127.0.0.1:1');
  const answer = await gateway.send(rawRequest('GET', path));
  expect(statusOf(answer)).toBe(status);
  expect(answer.body.toString()).toContain(words);
  if (status === 404) expect(answer.body.toString()).toContain('http://gateway/api/v1');
  expect(gateway.keys.asked).toBe(0);
});
