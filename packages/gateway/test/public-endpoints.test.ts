import { expect, it } from 'vitest';
import { ACCESS_KEY, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, OK, startRecordingUpstream, TOO_MANY } from './support/recording-upstream.ts';

const PUBLIC = { rules: { publicEndpoints: ['/api/v1/providers', '/api/v1/models'] } };
const get = (path: string, ...lines: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: gateway', ...lines, '\r\n'].join('\r\n');

it.each([
  '/api/v1/providers',
  '/v1/providers',
  '/api/v1/providers/x',
  '/v1/providers?a=1',
  '/v1/providers/',
])('serves %s without a client key and without a key of its own', async (path) => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url, PUBLIC);
  const answer = await gateway.send(get(path));
  expect(statusOf(answer)).toBe(200);
  expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['1']);
  expect(upstream.received()).not.toMatch(/authorization/i);
  expect(gateway.keys.leases).toBe(0);
});

it.each([
  '/api/v1/providersx',
  '/api/v1/x/providers',
  '/api/v1/providers%2fx',
  '/api/v1/PROVIDERS',
  '/providers',
])('does not take %s for it', async (path) => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url, PUBLIC);
  expect(statusOf(await gateway.send(get(path)))).toBeGreaterThanOrEqual(400);
  expect(upstream.received()).toBe('');
});

it('needs no key service', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url, PUBLIC);
  await gateway.keys.kill();
  expect(statusOf(await gateway.send(get('/v1/providers')))).toBe(200);
});

it('takes a client for who it says it is, and sends its key nowhere', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url, PUBLIC);
  await gateway.send(get('/v1/providers', `Authorization: Bearer ${ACCESS_KEY}`));
  expect(upstream.received()).not.toContain(ACCESS_KEY);
  await expect.poll(() => gateway.records[0]?.client).toBe('default');
});

it('passes a refusal on: there is no other key to try', async () => {
  const upstream = await startRecordingUpstream(answering(TOO_MANY));
  const gateway = await startTestGateway(upstream.url, PUBLIC);
  expect(statusOf(await gateway.send(get('/v1/providers')))).toBe(429);
  expect(upstream.requests()).toHaveLength(1);
});
