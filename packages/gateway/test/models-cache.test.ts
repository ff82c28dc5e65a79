import { brotliCompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ACCESS_KEY, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf, type Message } from './support/http-message.ts';
import { answering, response, startRecordingUpstream } from './support/recording-upstream.ts';

const list = (...ids: string[]) =>
  JSON.stringify({ data: ids.map((id) => ({ id })), total_count: ids.length });
const models = (...ids: string[]) =>
  response('200 OK', list(...ids), [
    'Content-Type: application/json',
    'ETag: "1"',
    'Set-Cookie: a=b',
  ]);
const FAILED = response('500 Internal Server Error', '{"error":{"message":"x","code":500}}');
const get = (path = '/api/v1/models', headers: string[] = []) => rawRequest('GET', path, headers);
const cacheStatus = (answer: Message) => headerLines(answer, 'cache-status')[0];

function encoded(body: Buffer, encoding: string): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** A gateway whose clock the test holds, in front of an upstream with these answers. */
async function start(...answers: (string | Buffer)[]) {
  let now = 1_000_000;
  const upstream = await startRecordingUpstream(answering(...answers));
  const gateway = await startTestGateway(upstream.url, { now: () => now });
  return { upstream, gateway, pass: (seconds: number) => (now += seconds * 1000) };
}

it('asks the upstream once, without a key, and serves the list from then on', async () => {
  const { upstream, gateway, pass } = await start(models('a/b'));
  const first = await gateway.send(get());
  pass(299);
  const second = await gateway.send(get('/v1/models'));
  expect(first.body.toString()).toBe(list('a/b'));
  expect(second.body).toEqual(first.body);
  expect(headerLines(first, 'age')).toEqual(['0']);
  expect(headerLines(second, 'age')).toEqual(['299']);
  expect(cacheStatus(first)).toBe('openrouter-proxy; fwd=miss; stored; ttl=300');
  expect(cacheStatus(second)).toBe('openrouter-proxy; hit; ttl=1');
  expect(upstream.requests()).toHaveLength(1);
  expect(upstream.received()).not.toMatch(/authorization/i);
  expect(upstream.received()).not.toContain(ACCESS_KEY);
  expect(gateway.keys.leases).toBe(0);
});

it('asks again when the list is too old', async () => {
  const { upstream, gateway, pass } = await start(models('a/b'), models('c/d'));
  await gateway.send(get());
  pass(300);
  const answer = await gateway.send(get());
  expect(answer.body.toString()).toBe(list('c/d'));
  expect(cacheStatus(answer)).toBe('openrouter-proxy; fwd=stale; stored; ttl=300');
  expect(upstream.requests()).toHaveLength(2);
});

it('shares one upstream call among 50 clients that wait', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    await release.promise;
    connection.send(models('a/b'));
  });
  const release = Promise.withResolvers<undefined>();
  const gateway = await startTestGateway(upstream.url);
  const clients = await Promise.all(Array.from({ length: 50 }, () => gateway.connect()));
  for (const client of clients) client.send(get());
  await expect.poll(() => upstream.requests()).toHaveLength(1);
  release.resolve(undefined);
  const answers = await Promise.all(clients.map((client) => client.message()));
  expect(answers.map(statusOf)).toEqual(Array(50).fill(200));
  expect(upstream.requests()).toHaveLength(1);
});

describe('when the upstream fails', () => {
  it.each([
    ['an error', FAILED],
    ['what is not HTTP', 'garbage\r\n\r\n'],
    ['what is not gzip, though it says so', encoded(Buffer.from('plain'), 'gzip')],
    ['an encoding that was not asked for', encoded(brotliCompressSync(list('x/y')), 'br')],
    ['half a list', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"dat\r\nx\r\n'],
  ])('with %s, the last list is served, and said to be old', async (_what, bytes) => {
    const { gateway, pass } = await start(models('a/b'), bytes);
    await gateway.send(get());
    pass(400);
    const answer = await gateway.send(get());
    expect(statusOf(answer)).toBe(200);
    expect(answer.body.toString()).toBe(list('a/b'));
    expect(headerLines(answer, 'age')).toEqual(['400']);
    expect(cacheStatus(answer)).toBe('openrouter-proxy; hit; detail=upstream-failed; ttl=-100');
  });

  it('and there is no list, its own error is passed on and not kept', async () => {
    const { gateway } = await start(FAILED, models('a/b'));
    const answer = await gateway.send(get());
    expect(statusOf(answer)).toBe(500);
    expect(JSON.parse(answer.body.toString())).toEqual({ error: { message: 'x', code: 500 } });
    expect(statusOf(await gateway.send(get()))).toBe(200);
  });

  it.each([
    ['with what is not HTTP', 'garbage\r\n\r\n', 502],
    ['with an encoding that was not asked for', encoded(brotliCompressSync('{}'), 'br'), 502],
  ])(
    '%s and there is no list, the answer is an error of the gateway',
    async (_what, bytes, status) => {
      const { gateway } = await start(bytes);
      const answer = await gateway.send(get());
      expect(statusOf(answer)).toBe(status);
      expect(answer.body.toString()).toContain('"source":"gateway"');
    },
  );

  it.each([
    ['before', ''],
    ['within', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{'],
  ])('by silence %s its answer, every client that waits is told', async (_when, bytes) => {
    const upstream = await startRecordingUpstream(answering(bytes));
    const gateway = await startTestGateway(upstream.url, {
      upstream: { firstByteTimeoutMs: 1_000 },
    });
    const answers = await Promise.all([gateway.send(get()), gateway.send(get())]);
    expect(answers.map(statusOf)).toEqual([504, 504]);
    expect(upstream.requests()).toHaveLength(1);
  });
});

it.each([
  ['plain', models('a/b')],
  ['gzipped', encoded(gzipSync(list('a/b')), 'gzip')],
])('gives each client the encoding it takes, from a %s list', async (_what, bytes) => {
  const { upstream, gateway } = await start(bytes);
  const plain = await gateway.send(get());
  const gzipped = await gateway.send(get('/api/v1/models', ['Accept-Encoding: br, gzip;q=0.5']));
  const refused = await gateway.send(get('/api/v1/models', ['Accept-Encoding: gzip;q=0']));
  expect(plain.body.toString()).toBe(list('a/b'));
  expect(headerLines(plain, 'content-encoding')).toEqual([]);
  expect(headerLines(gzipped, 'content-encoding')).toEqual(['gzip']);
  expect(gunzipSync(gzipped.body).toString()).toBe(list('a/b'));
  expect(headerLines(refused, 'content-encoding')).toEqual([]);
  expect(headerLines(plain, 'vary')).toEqual(['Accept-Encoding']);
  expect(headerLines(plain, 'set-cookie')).toEqual([]);
  expect(upstream.requests()).toHaveLength(1);
});

it('answers HEAD with the length of the list and nothing of it', async () => {
  const { upstream, gateway } = await start(models('a/b'));
  const answer = await gateway.send(rawRequest('HEAD', '/api/v1/models'));
  expect(headerLines(answer, 'content-length')).toEqual([String(list('a/b').length)]);
  expect(answer.body).toHaveLength(0);
  expect(upstream.requests()[0]?.startLine).toMatch(/^GET /);
});

it('keeps a list for each query, the most recent 64 of them', async () => {
  const { upstream, gateway } = await start(models('a/b'));
  for (let query = 0; query <= 64; query += 1) await gateway.send(get(`/v1/models?q=${query}`));
  await gateway.send(get('/v1/models?q=64'));
  expect(upstream.requests()).toHaveLength(65);
  await gateway.send(get('/v1/models?q=0'));
  expect(upstream.requests()).toHaveLength(66);
  expect(upstream.requests()[65]?.startLine).toBe('GET /api/v1/models?q=0 HTTP/1.1');
});

it('asks every time where the cache is switched off', async () => {
  const upstream = await startRecordingUpstream(answering(models('a/b')));
  const gateway = await startTestGateway(upstream.url, {
    cache: { enabled: false, ttlMs: 300_000 },
  });
  await gateway.send(get());
  const answer = await gateway.send(get());
  expect(cacheStatus(answer)).toBeUndefined();
  expect(upstream.requests()).toHaveLength(2);
});
