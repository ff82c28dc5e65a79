import { describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../src/endpoints/endpoint-table.ts';
import { rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

const BODY = '{"model":"a/b"}';
const HEAD = ['Content-Type: application/json', `Content-Length: ${BODY.length}`];
const post = (path: string) => rawRequest('POST', `/api/v1${path}`, HEAD, BODY);

const ADMINISTRATION = ENDPOINTS.filter((endpoint) => endpoint.class === 'administration')
  .filter(({ pattern }) => !pattern.startsWith('/api/'))
  .map(({ method, pattern }) => {
    const path = pattern.replaceAll(/\{[^}]*\}/g, 'x').replace('*', 'x');
    return [method === '*' ? 'PATCH' : method, path] as const;
  });

describe('an endpoint of administration', () => {
  it('is refused, whatever the method and the spelling of its path, and nothing reaches OpenRouter', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url);
    expect(ADMINISTRATION.length).toBeGreaterThan(50);
    const first = ADMINISTRATION.map(([method, path]) => [method, path]);
    const spellings = ['/KEYS', '/keys/', '/%6beys', '/auth/keys/code', '/Auth/Keys/Code/'].map(
      (path) => ['POST', path],
    );
    for (const [method = '', path = ''] of [...first, ...spellings]) {
      const answer = await gateway.send(rawRequest(method, `/api/v1${path}`));
      expect([method, path, statusOf(answer)]).toEqual([method, path, 403]);
      if (method !== 'HEAD') expect(answer.body.toString()).toContain('openrouter.administration');
    }
    expect(upstream.requests()).toHaveLength(0);
    expect(gateway.keys.asked).toBe(0);
  });
});

describe('where administration is allowed', () => {
  const rules = { administration: 'allow' } as const;

  it('such an endpoint is asked under the management key, and never under a key of the pool', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, { rules });
    gateway.keys.managementKey = 'sk-or-v1-management';
    expect(statusOf(await gateway.send(rawRequest('GET', '/api/v1/keys')))).toBe(200);
    const [sent] = upstream.requests();
    expect(sent && headerLines(sent, 'authorization')).toEqual(['Bearer sk-or-v1-management']);
    expect(gateway.keys.asked).toBe(0);
  });

  it('nothing is sent while the management key cannot be read', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, { rules });
    expect(statusOf(await gateway.send(rawRequest('GET', '/api/v1/keys')))).toBe(503);
    expect(upstream.requests()).toHaveLength(0);
  });
});

describe('a request that makes something', () => {
  it.each([
    '/videos',
    '/batches',
    '/files',
    '/images',
    '/audio/speech',
    '/audio/transcriptions',
    '/something-new',
  ])('to %s is sent once when OpenRouter may have taken it', async (path) => {
    const failure = response('502 Bad Gateway', '{"error":{"code":502,"message":"x"}}');
    const upstream = await startRecordingUpstream(answering(failure, OK));
    const gateway = await startTestGateway(upstream.url);
    expect(statusOf(await gateway.send(post(path)))).toBe(502);
    expect(upstream.requests()).toHaveLength(1);
  });

  it.each(['401 Unauthorized', '402 Payment Required', '429 Too Many Requests'])(
    'is sent under another key after %s',
    async (status) => {
      const code = Number(status.slice(0, 3));
      const refusal = response(status, `{"error":{"code":${code},"message":"no"}}`);
      const upstream = await startRecordingUpstream(answering(refusal, OK));
      const gateway = await startTestGateway(upstream.url);
      expect(statusOf(await gateway.send(post('/videos')))).toBe(200);
      expect(upstream.requests()).toHaveLength(2);
    },
  );
});

it('the catalogue is asked without a key', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawRequest('GET', '/api/v1/providers'));
  expect(statusOf(answer)).toBe(200);
  expect(gateway.keys.asked).toBe(0);
  expect(headerLines(upstream.requests()[0] ?? answer, 'authorization')).toEqual([]);
});

it('answers of the API are data to a browser', async () => {
  const page = response('200 OK', '<script>navigator.serviceWorker</script>', [
    'Content-Type: text/html',
    'Refresh: 0;url=https://evil.test',
    'Service-Worker-Allowed: /',
    'Clear-Site-Data: "*"',
    "Content-Security-Policy: script-src 'unsafe-inline'",
  ]);
  const upstream = await startRecordingUpstream(answering(page));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawRequest('GET', '/api/v1/datasets/session-cost'));
  expect(headerLines(answer, 'content-security-policy')).toEqual(['sandbox']);
  expect(headerLines(answer, 'x-content-type-options')).toEqual(['nosniff']);
  for (const name of ['refresh', 'service-worker-allowed', 'clear-site-data']) {
    expect(headerLines(answer, name)).toEqual([]);
  }
});
