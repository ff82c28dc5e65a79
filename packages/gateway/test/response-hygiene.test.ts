import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf, type Message } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  OK,
  response,
  startRecordingUpstream,
} from './support/recording-upstream.ts';

/** Every name once, and one way of telling where the body ends. */
function expectWellFormed(answer: Message, status: number): void {
  const names = answer.headers.map(([name]) => name.toLowerCase());
  expect(names).toEqual([...new Set(names)]);
  const framings = names.filter((name) => ['content-length', 'transfer-encoding'].includes(name));
  expect(framings).toHaveLength(status === 204 ? 0 : 1);
  for (const name of ['x-request-id', 'x-process-time', 'x-proxy-attempts'])
    expect(names).toContain(name);
}

describe('every answer has each field once, and exactly one framing', () => {
  it.each([
    ['a success', OK],
    ['a stream', chunkedHead() + chunk('data: [DONE]\n\n') + '0\r\n\r\n'],
    ['an empty answer', 'HTTP/1.1 204 No Content\r\n\r\n'],
    [
      'an error of the upstream',
      response('400 Bad Request', '{"error":{"message":"x"}}', ['Date: x']),
    ],
    [
      'an answer that repeats the fields of the gateway',
      response('200 OK', '{}', [
        'X-Request-ID: theirs',
        'X-Process-Time: 9',
        'X-Proxy-Attempts: 9',
        'Server-Timing: a',
        'Date: x',
        'Content-Type: a/b',
        'Content-Type: c/d',
        'X-A: 1',
        'X-A: 2',
        'Vary: A',
        'Vary: B',
      ]),
    ],
    ['garbage', 'garbage\r\n\r\n'],
  ])('when the upstream sends %s', async (_what, bytes) => {
    const upstream = await startRecordingUpstream(answering(bytes));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{}'));
    expectWellFormed(answer, statusOf(answer));
    expect(headerLines(answer, 'x-request-id')).not.toEqual(['theirs']);
  });

  it.each(['/health', '/metrics', '/metrics/raw', '/nowhere', '/v1/../x'])(
    'at %s',
    async (path) => {
      const gateway = await startTestGateway('http://127.0.0.1:1');
      const answer = await gateway.send(rawRequest('GET', path));
      expectWellFormed(answer, statusOf(answer));
    },
  );
});

describe('X-Request-ID', () => {
  it.each(['a', 'x'.repeat(128), '!"#$%&\'()*+,-./~'])(
    "is the client's own when it is %s",
    async (id) => {
      const upstream = await startRecordingUpstream(answering(OK));
      const gateway = await startTestGateway(upstream.url);
      const answer = await gateway.send(rawPost('{}', [`X-Request-ID: ${id}`]));
      expect(headerLines(answer, 'x-request-id')).toEqual([id]);
      const [request] = upstream.requests();
      expect(request && headerLines(request, 'x-request-id')).toEqual([id]);
      await expect.poll(() => gateway.records[0]?.id).toBe(id);
    },
  );

  it.each(['', 'x'.repeat(129), 'a b', 'a\tb', 'caf\xe9', '\x80'])(
    'is a new one when it is %j',
    async (id) => {
      const upstream = await startRecordingUpstream(answering(OK));
      const gateway = await startTestGateway(upstream.url);
      const answer = await gateway.send(rawPost('{}', [`X-Request-ID: ${id}`]));
      expect(headerLines(answer, 'x-request-id')[0]).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});

it('says how long it took, for what, and in how many attempts', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{}'));
  expect(Number(headerLines(answer, 'x-process-time')[0])).toBeGreaterThan(0);
  expect(headerLines(answer, 'server-timing')[0]).toMatch(
    /^queue;dur=[\d.]+, lease;dur=[\d.]+, upstream;dur=[\d.]+$/,
  );
  expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['1']);
});

describe('an upstream that echoes its key', () => {
  it('does so in vain in a header, whatever its name', async () => {
    const upstream = await startRecordingUpstream(async (connection) => {
      const [key = ''] = headerLines(await connection.message(), 'authorization');
      connection.send(
        response('200 OK', '{}', [
          `Authorization: ${key}`,
          `X-Echo: got ${key}!`,
          `X-Api-Key: ${key}`,
          `Link: <${key}>`,
          'X-Other: 1',
        ]),
      );
    });
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawPost('{}'));
    const answer = await client.message();
    expect(headerLines(answer, 'x-other')).toEqual(['1']);
    for (const secret of gateway.keys.secrets) expect(client.received).not.toContain(secret);
  });

  it.each([
    ['of its usual shape', undefined],
    ['of any other shape', 'sk-or-odd.key/with=signs+in:it'],
  ])('does so in vain in an error body (a key %s)', async (_shape, secret) => {
    const upstream = await startRecordingUpstream(async (connection) => {
      const [key = ''] = headerLines(await connection.message(), 'authorization');
      const body = JSON.stringify({ error: { message: `No access for ${key}`, code: 400 }, key });
      connection.send(response('400 Bad Request', body, [`X-Echo: ${key}`]));
    });
    const gateway = await startTestGateway(
      upstream.url,
      secret === undefined ? {} : { secrets: [secret] },
    );
    const client = await gateway.connect();
    client.send(rawPost('{}'));
    expect((await client.message()).body.toString()).toMatch(/No access for Bearer (sk-or-)?\*+"/);
    await expect.poll(() => gateway.keys.reports).toHaveLength(1);
    for (const known of gateway.keys.secrets) {
      expect(client.received).not.toContain(known);
      expect(JSON.stringify(gateway.keys.reports)).not.toContain(known);
    }
  });
});

it('keeps the account and its cookies to itself', async () => {
  const body = JSON.stringify({ error: { message: 'x', code: 400 }, user_id: 'user_2abcdefgh' });
  const upstream = await startRecordingUpstream(
    answering(response('400 Bad Request', body, ['Set-Cookie: a=b', 'Set-Cookie: c=d'])),
  );
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{}'));
  expect(JSON.parse(answer.body.toString())).toEqual({ error: { message: 'x', code: 400 } });
  expect(headerLines(answer, 'set-cookie')).toEqual([]);
});

it.each([
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const)('understands a refusal in %s and passes it on plain', async (encoding, compress) => {
  const body = '{"error":{"message":"Rate limit exceeded: limit_rpm/m. ","code":429}}';
  const bytes = compress(Buffer.from(body));
  const head = `HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  const upstream = await startRecordingUpstream(
    answering(Buffer.concat([Buffer.from(head), bytes])),
  );
  const gateway = await startTestGateway(upstream.url, { forwarding: { maxAttempts: 1 } });
  const answer = await gateway.send(rawPost('{}', [`Accept-Encoding: ${encoding}`]));
  expect(statusOf(answer)).toBe(429);
  expect(answer.body.toString()).toBe(body);
  expect(headerLines(answer, 'content-encoding')).toEqual([]);
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['model_throttled']);
});

it('passes a compressed success on as it is', async () => {
  const bytes = gzipSync('{"ok":true}');
  const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  const upstream = await startRecordingUpstream(
    answering(Buffer.concat([Buffer.from(head), bytes])),
  );
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{}', ['Accept-Encoding: gzip']));
  expect(answer.body).toEqual(bytes);
  expect(headerLines(answer, 'content-encoding')).toEqual(['gzip']);
});
