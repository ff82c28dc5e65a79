import { createHash, randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, OK, startRecordingUpstream, TOO_MANY } from './support/recording-upstream.ts';

const PATH = '/api/v1/chat/completions';
const MIB = 1024 * 1024;
const ROOMY = { server: { maxBodyBytes: 64 * MIB } };
const digest = (bytes: Uint8Array | undefined) =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');

function withLength(body: Buffer): Buffer {
  const head = rawRequest('POST', PATH, [`Content-Length: ${body.length}`]);
  return Buffer.concat([Buffer.from(head), body]);
}

function inChunks(body: Buffer): Buffer {
  const head = rawRequest('POST', PATH, ['Transfer-Encoding: chunked']);
  const parts: Buffer[] = [Buffer.from(head)];
  for (let at = 0; at < body.length; at += 40_000) {
    const piece = body.subarray(at, at + 40_000);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

describe.each([0, 1, 64 * 1024, 5 * MIB, 18 * MIB])('a body of %i bytes', (size) => {
  it.each([
    ['length', withLength],
    ['chunked', inChunks],
  ] as const)(
    'reaches the upstream byte for byte and framed as it came (%s)',
    async (framing, framed) => {
      const upstream = await startRecordingUpstream(answering(OK));
      const gateway = await startTestGateway(upstream.url, ROOMY);
      const body = randomBytes(size);
      expect(statusOf(await gateway.send(framed(body)))).toBe(200);
      expect(upstream.requests()).toHaveLength(1);
      expect(upstream.requests()[0]?.framing).toBe(framing);
      expect(digest(upstream.requests()[0]?.body)).toBe(digest(body));
    },
  );

  it('is sent again, whole, when the first key is refused', async () => {
    const upstream = await startRecordingUpstream(answering(TOO_MANY, OK));
    const gateway = await startTestGateway(upstream.url, ROOMY);
    const body = randomBytes(size);
    expect(statusOf(await gateway.send(withLength(body)))).toBe(200);
    expect(upstream.requests().map((request) => digest(request.body))).toEqual([
      digest(body),
      digest(body),
    ]);
  });
});

it('sends a POST without a body with a length of 0', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(rawRequest('POST', PATH));
  const [request] = upstream.requests();
  expect(request && headerLines(request, 'content-length')).toEqual(['0']);
});

it('sends a body on as it arrives: the upstream has its beginning before the client sends its end', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawRequest('POST', PATH, ['Content-Length: 10'], 'first'));
  await expect.poll(() => upstream.received()).toContain('first');
  client.send('other');
  expect(statusOf(await client.message())).toBe(200);
  expect(upstream.requests()[0]?.body.toString()).toBe('firstother');
});

describe('a body that grows too large', () => {
  const piece = `${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`;

  it('is answered with 413 while it is being sent, and the upstream request is given up', async () => {
    const upstream = await startRecordingUpstream(() => undefined);
    const gateway = await startTestGateway(upstream.url, { server: { maxBodyBytes: 100_000 } });
    const client = await gateway.connect();
    client.send(rawRequest('POST', PATH, ['Transfer-Encoding: chunked'], piece));
    await expect.poll(() => upstream.received().length).toBeGreaterThan(65_536);
    client.send(piece);
    const answer = await client.message();
    expect(statusOf(answer)).toBe(413);
    expect(headerLines(answer, 'connection')).toEqual(['close']);
    await upstream.connections[0]?.ended();
    expect(upstream.requests()).toEqual([]);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
  });

  it('is answered so that a client which goes on sending still gets the answer', async () => {
    const upstream = await startRecordingUpstream(() => undefined);
    const gateway = await startTestGateway(upstream.url, { server: { maxBodyBytes: 100_000 } });
    const client = await gateway.connect();
    client.send(rawRequest('POST', PATH, ['Transfer-Encoding: chunked'], piece + piece));
    expect(statusOf(await client.message())).toBe(413);
    for (let sent = 0; sent < 10; sent += 1) {
      client.send(piece);
      await setTimeout(1);
    }
    expect(client.state).toBe('open');
    client.send('0\r\n\r\n');
    await client.ended();
    expect(client.state).toBe('ended');
    expect(client.received.match(/HTTP\/1.1 /g)).toHaveLength(1);
  });
});

it('repeats a refused request on another key with the complete body, also when the refusal came before its end', async () => {
  const upstream = await startRecordingUpstream(async (connection, index) => {
    await connection.until('first');
    if (index > 0) await connection.message();
    connection.send(index > 0 ? OK : TOO_MANY);
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawRequest('POST', PATH, ['Content-Length: 10'], 'first'));
  await expect.poll(() => upstream.connections[1]?.received).toContain('first');
  client.send('other');
  expect(statusOf(await client.message())).toBe(200);
  expect(upstream.requests().map(({ body }) => body.toString())).toEqual(['firstother']);
  // The first connection was left in the middle of a request: it takes no other.
  await upstream.connections[0]?.ended();
});

it('closes the connection after an answer that came before the end of the body', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.until('first');
    connection.send(OK);
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawRequest('POST', PATH, ['Content-Length: 10'], 'first'));
  const answer = await client.message();
  expect(statusOf(answer)).toBe(200);
  expect(headerLines(answer, 'connection')).toEqual(['close']);
  await client.ended();
  expect(client.received.match(/HTTP\/1.1 /g)).toHaveLength(1);
  await upstream.connections[0]?.ended();
});

it('sends nothing but the announced length upstream', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(`${rawPost('{}')}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect(statusOf(await client.message(1))).toBe(404);
  expect(upstream.received()).not.toContain('smuggled');
});
