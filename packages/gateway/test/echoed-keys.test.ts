import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { startRecordingUpstream } from './support/recording-upstream.ts';

const ENCODINGS: [name: string, encode: (key: string) => string][] = [
  ['as it is', (key) => key],
  ['in upper case', (key) => key.toUpperCase()],
  ['without its prefix', (key) => key.slice('sk-or-v1-'.length)],
  ['percent-encoded', (key) => key.replaceAll('-', '%2D')],
  ['with JSON escapes', (key) => key.replaceAll('-', String.raw`\u002d`)],
  ...[0, 1, 2].map((shift): [string, (key: string) => string] => [
    `in base64, shifted by ${shift}`,
    (key) => Buffer.from(`${'x'.repeat(shift)}${key}`).toString('base64'),
  ]),
];

const CODINGS = [
  ['identity', (body: string) => Buffer.from(body)],
  ['gzip', (body: string) => gzipSync(body)],
  ['br', (body: string) => brotliCompressSync(body)],
  ['zstd', (body: string) => zstdCompressSync(body)],
] as const;

type Coding = (typeof CODINGS)[number];
const IDENTITY: Coding = CODINGS[0];

/** An upstream that answers with what `body` makes of the key that it was sent. */
function echoing(
  body: (key: string) => string,
  { status = '200 OK', type = 'application/json', coding = IDENTITY } = {},
) {
  return startRecordingUpstream(async (connection) => {
    const [credential = ''] = headerLines(await connection.message(), 'authorization');
    const [name, encode] = coding;
    const bytes = encode(body(credential.replace('Bearer ', '')));
    const lines = [
      `HTTP/1.1 ${status}`,
      `Content-Type: ${type}`,
      ...(name === 'identity' ? [] : [`Content-Encoding: ${name}`]),
      `Content-Length: ${bytes.length}`,
    ];
    connection.send(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]));
  });
}

function post(path: string, coding = 'identity'): string {
  const headers = ['Content-Length: 2', `Accept-Encoding: ${coding}`];
  return rawRequest('POST', `/api/v1/${path}`, headers, '{}');
}

/** The middle of what an encoding makes of a key: enough to know that it was not masked. */
const middle = (encoded: string) => encoded.slice(-50, -10);

describe('the key that a request was sent under does not reach the client', () => {
  it.each(ENCODINGS)('in a document (%s)', async (_name, encode) => {
    const upstream = await echoing((key) => `{"choices":[],"echo":"${encode(key)}"}`);
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('chat/completions'));
    expect(statusOf(answer)).toBe(200);
    const text = answer.body.toString();
    expect(JSON.parse(text)).toHaveProperty('echo');
    expect(text).toContain('*'.repeat(40));
    for (const key of gateway.keys.secrets) expect(text).not.toContain(middle(encode(key)));
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
  });

  it.each(CODINGS)('in a document in %s', async (...coding) => {
    const upstream = await echoing((key) => `{"choices":[],"echo":"${key}"}`, { coding });
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('chat/completions', coding[0]));
    expect(headerLines(answer, 'content-encoding')).toEqual([]);
    expect(answer.body.toString()).toMatch(/^\{"choices":\[\],"echo":"sk-or-v1-\*{64}"\}$/);
  });

  it.each(CODINGS)('in a document in %s that is too large to hold', async (...coding) => {
    const filler = 'x'.repeat(6_000_000);
    const upstream = await echoing((key) => `{"a":"${filler}","echo":"${key}"}`, { coding });
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('embeddings', coding[0]));
    expect(answer.complete).toBe(true);
    expect(answer.body.toString().slice(-80)).toMatch(/"sk-or-v1-\*{64}"\}$/);
  });

  it.each(CODINGS)(
    'in a page in %s of an endpoint that is passed on as it comes',
    async (...coding) => {
      const page = (key: string) => `<p>${key}</p>`;
      const upstream = await echoing(page, { coding, type: 'text/html' });
      const gateway = await startTestGateway(upstream.url);
      const answer = await gateway.send(post('audio/speech', coding[0]));
      expect(answer.body.toString()).toMatch(/^<p>sk-or-v1-\*{64}<\/p>$/);
    },
  );

  it.each(ENCODINGS)('in an error, nor the log and the key service (%s)', async (_name, encode) => {
    const error = (key: string) => `{"error":{"code":400,"message":"no ${encode(key)}"}}`;
    const upstream = await echoing(error, { status: '400 Bad Request' });
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('chat/completions'));
    expect(statusOf(answer)).toBe(400);
    await expect.poll(() => gateway.keys.reports).toHaveLength(1);
    const seen = JSON.stringify([gateway.keys.reports, gateway.log, answer.body.toString()]);
    for (const key of gateway.keys.secrets) {
      expect(seen).not.toContain(middle(encode(key)));
      expect(seen).not.toContain(key.slice(20, 60));
    }
  });

  it('in an error within a 200', async () => {
    const upstream = await echoing((key) => `{"error":{"code":400,"message":"no ${btoa(key)}"}}`);
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('chat/completions'));
    await expect.poll(() => gateway.keys.reports).toHaveLength(1);
    const seen = JSON.stringify([gateway.keys.reports, answer.body.toString()]);
    for (const key of gateway.keys.secrets) expect(seen).not.toContain(middle(btoa(key)));
  });

  it.each(ENCODINGS)(
    'in a header, nor the generation id of the log (%s)',
    async (_name, encode) => {
      const upstream = await startRecordingUpstream(async (connection) => {
        const [credential = ''] = headerLines(await connection.message(), 'authorization');
        const key = encode(credential.replace('Bearer ', ''));
        connection.send(
          `HTTP/1.1 400 No\r\nX-Generation-Id: ${key}\r\nRetry-After: ${key}\r\nX-Other: 1\r\nContent-Length: 2\r\n\r\n{}`,
        );
      });
      const gateway = await startTestGateway(upstream.url);
      const client = await gateway.connect();
      client.send(post('chat/completions'));
      await client.message();
      await expect.poll(() => gateway.records).toHaveLength(1);
      const { generationId } = gateway.records[0] ?? {};
      const seen = JSON.stringify([client.received, generationId, gateway.keys.reports]);
      for (const key of gateway.keys.secrets) expect(seen).not.toContain(middle(encode(key)));
    },
  );
});
