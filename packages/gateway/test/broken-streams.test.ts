import { describe, expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { statusOf } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  startRecordingUpstream,
} from './support/recording-upstream.ts';
import type { RawConnection } from './support/raw-connection.ts';

/** A request whose answer passes as it comes: it is neither a stream of events nor a JSON document. */
const rawSpeech = () => rawRequest('POST', '/api/v1/audio/speech', ['Content-Length: 2'], '{}');

const BREAKS: [string, (connection: RawConnection) => void][] = [
  ['a reset', (connection) => connection.reset()],
  ['an end', (connection) => connection.socket.end()],
  ['an end within a chunk', (connection) => connection.socket.end('ff\r\nhalf')],
  ['garbage instead of a chunk', (connection) => connection.send('no chunk size\r\n')],
  ['a chunk size that is too large', (connection) => connection.send('fffffffffffffffffff\r\n')],
];

describe.each(BREAKS)('%s in the middle of an answer', (_what, breakOff) => {
  it('breaks the answer to the client too: no final chunk, nothing added, nothing repeated', async () => {
    const seen = Promise.withResolvers<undefined>();
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead('text/plain') + chunk('hello'));
      await seen.promise;
      breakOff(connection);
    });
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawSpeech());
    await client.until('hello');
    seen.resolve(undefined);
    const answer = await client.message();
    expect(statusOf(answer)).toBe(200);
    expect(answer.complete).toBe(false);
    // The last byte may be the first of the key, which is only sent with what follows it.
    expect(answer.body.toString()).toMatch(/^hello(half?)?$/);
    expect(client.received).not.toContain('0\r\n\r\n');
    expect(upstream.requests()).toHaveLength(1);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['truncated']);
    expect(gateway.records[0]?.verdict).toBe('truncated');
  });
});

it.each(['reset', 'end'] as const)(
  'ends the connection when an answer of stated length stops short (%s)',
  async (how) => {
    const seen = Promise.withResolvers<undefined>();
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
      await seen.promise;
      if (how === 'reset') connection.reset();
      else connection.socket.end();
    });
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawSpeech());
    await client.until('hello');
    seen.resolve(undefined);
    expect((await client.message()).complete).toBe(false);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['truncated']);
  },
);

it('ends both connections when an answer falls silent for longer than it may', async () => {
  const upstream = await startRecordingUpstream(
    answering(chunkedHead('text/plain') + chunk('hello')),
  );
  const gateway = await startTestGateway(upstream.url, { forwarding: { idleTimeoutMs: 500 } });
  const answer = await gateway.send(rawSpeech());
  expect(answer.complete).toBe(false);
  expect(answer.body.toString()).toBe('hello');
  await upstream.connections[0]?.ended();
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['timeout']);
  expect(gateway.records[0]?.verdict).toBe('stalled');
});

it('takes an answer framed by the close for whole when the connection ends in order', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.socket.end('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello');
  });
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawSpeech());
  expect(answer).toMatchObject({ framing: 'chunked', complete: true });
  expect(answer.body.toString()).toBe('hello');
});

it('delivers an answer whole when the connection is reset after its last byte', async () => {
  const seen = Promise.withResolvers<undefined>();
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(chunkedHead('text/plain') + chunk('hello') + '0\r\n\r\n');
    await seen.promise;
    connection.reset();
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawSpeech());
  expect(await client.message()).toMatchObject({ complete: true });
  seen.resolve(undefined);
  await upstream.connections[0]?.ended();
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
});

it.each(['reset', 'end', 'silence'] as const)(
  'answers in its own words when an error answer breaks off (%s): none of it has been sent',
  async (how) => {
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send('HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{"error":');
      if (how === 'reset') setImmediate(() => connection.reset());
      else if (how === 'end') connection.socket.end();
    });
    const idleTimeoutMs = how === 'silence' ? 500 : 60_000;
    const gateway = await startTestGateway(upstream.url, { forwarding: { idleTimeoutMs } });
    const answer = await gateway.send(rawRequest('GET', '/api/v1/generation?id=x'));
    expect([502, 504]).toContain(statusOf(answer));
    expect(answer.complete).toBe(true);
  },
);

it('leaves a client time to read the error event before the connection breaks', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(chunkedHead() + chunk('data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'));
    connection.socket.end();
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawPost('{"stream":true}'));
  await client.until('The answer is not whole');
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  expect(client.state).toBe('open');
  expect((await client.message()).complete).toBe(false);
});
