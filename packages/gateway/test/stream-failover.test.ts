import { describe, expect, it } from 'vitest';
import { startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  response,
  startRecordingUpstream,
} from './support/recording-upstream.ts';
import type { RawConnection } from './support/raw-connection.ts';
import { json, STREAMS, streamRequest, wholeStream, type ApiStream } from './support/streams.ts';

/** An upstream whose first attempt sends `begin` and then fails so, and whose second answers well. */
async function startFailing(
  stream: ApiStream,
  begin: string,
  fail: (connection: RawConnection) => void,
) {
  let requests = 0;
  return startRecordingUpstream(async (connection) => {
    for (let index = 0; (await connection.message(index)).complete; index += 1) {
      requests += 1;
      if (requests > 1) {
        connection.send(wholeStream(stream.preamble + stream.content + stream.end));
        continue;
      }
      if (begin !== '') connection.send(chunkedHead() + chunk(begin));
      fail(connection);
    }
  });
}

const FAILURES: [string, (connection: RawConnection, stream: ApiStream) => void][] = [
  ['an error event', (connection, { error }) => connection.send(`${chunk(error)}0\r\n\r\n`)],
  ['a reset', (connection) => setImmediate(() => connection.reset())],
  ['an end of the connection', (connection) => connection.socket.end()],
  ['an end of the stream', (connection) => connection.send('0\r\n\r\n')],
  ['silence', () => undefined],
];

/** Only silence must meet the limit of silence. */
const limitsFor = (failure: string) => ({
  forwarding: { idleTimeoutMs: failure === 'silence' ? 500 : 60_000 },
});

describe.each(Object.entries(STREAMS))('a stream of %s', (_api, stream) => {
  describe.each(FAILURES)('that fails by %s before its content', (how, fail) => {
    it.each([
      ['after its head', ''],
      ['after a comment', stream.comment],
      ['after what announces an answer', stream.preamble],
      ['after both', stream.comment + stream.preamble + stream.comment],
    ])('%s is taken over by another attempt', async (_when, begin) => {
      const upstream = await startFailing(stream, begin, (connection) => {
        if (begin === '') connection.send(chunkedHead());
        fail(connection, stream);
      });
      const gateway = await startTestGateway(upstream.url, limitsFor(how));
      const answer = await gateway.send(streamRequest(stream));
      expect(statusOf(answer)).toBe(200);
      expect(answer.complete).toBe(true);
      const comments = begin.split(stream.comment).length - 1;
      expect(answer.body.toString()).toBe(
        stream.comment.repeat(comments) + stream.preamble + stream.content + stream.end,
      );
      const first =
        how === 'an error event' ? /^provider_(failed|limited)$/ : /^(truncated|timeout)$/;
      await expect.poll(() => gateway.keys.outcomes()).toHaveLength(2);
      expect(gateway.keys.outcomes()).toEqual([expect.stringMatching(first), 'success']);
      expect(gateway.records[0]?.verdict).toBe('complete');
    });
  });

  it.each([
    ['a reset', (connection: RawConnection) => connection.reset(), 'truncated'],
    [
      'an end of the stream',
      (connection: RawConnection) => connection.send('0\r\n\r\n'),
      'truncated',
    ],
    ['silence', () => undefined, 'stalled'],
  ])(
    'that breaks by %s after its content ends with an error, and not in order',
    async (how, breakOff, verdict) => {
      const seen = Promise.withResolvers<undefined>();
      const upstream = await startRecordingUpstream(async (connection) => {
        await connection.message();
        connection.send(chunkedHead() + chunk(stream.preamble + stream.content));
        await seen.promise;
        breakOff(connection);
      });
      const gateway = await startTestGateway(upstream.url, limitsFor(how));
      const client = await gateway.connect();
      client.send(streamRequest(stream));
      await client.until('Hello');
      seen.resolve(undefined);
      const answer = await client.message();
      expect(answer.complete).toBe(false);
      const body = answer.body.toString();
      expect(body.startsWith(stream.preamble + stream.content)).toBe(true);
      expect(body).toMatch(stream.broken);
      expect(upstream.requests()).toHaveLength(1);
      await expect.poll(() => gateway.records[0]?.verdict).toBe(verdict);
    },
  );

  it('passes on an error of the upstream after its content, and nothing behind it, and does not look whole', async () => {
    const text = stream.preamble + stream.content + stream.error;
    const upstream = await startRecordingUpstream(answering(wholeStream(text + stream.end)));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(streamRequest(stream));
    expect(answer.body.toString()).toBe(text);
    expect(answer.complete).toBe(false);
    await expect.poll(() => gateway.records[0]?.verdict).toBe('error');
    await expect.poll(() => gateway.keys.outcomes()).toEqual([expect.stringMatching(/^provider_/)]);
    expect(upstream.requests()).toHaveLength(1);
  });

  it('that fails for good after a comment ends with an error event, and not in order', async () => {
    let requests = 0;
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      requests += 1;
      if (requests === 1) {
        connection.send(chunkedHead() + chunk(stream.comment));
        connection.socket.end();
        return;
      }
      connection.send(
        response(
          '400 Bad Request',
          JSON.stringify({ type: 'error', error: { message: 'no such model' } }),
        ),
      );
    });
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(streamRequest(stream));
    expect(statusOf(answer)).toBe(200);
    expect(answer.complete).toBe(false);
    expect(answer.body.toString()).toContain('no such model');
    expect(answer.body.toString()).toMatch(stream.broken);
    await expect.poll(() => gateway.records[0]?.verdict).toBe('error');
  });
});

it.each(Object.entries(STREAMS))(
  'answers a stream of %s that is nothing but an error with the status of the error, as a document',
  async (_api, stream) => {
    const upstream = await startRecordingUpstream(async (connection) => {
      for (let index = 0; (await connection.message(index)).complete; index += 1) {
        connection.send(wholeStream(stream.preamble + stream.error));
      }
    });
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(streamRequest(stream));
    expect([500, 502, 529]).toContain(statusOf(answer));
    expect(answer).toMatchObject({ complete: true });
    expect(headerLines(answer, 'content-type')).toEqual(['application/json']);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      error: expect.any(Object) as object,
    });
    expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['3']);
    expect(headerLines(answer, 'x-should-retry')).toEqual(['false']);
  },
);

it('sends comments while a stream is repeated', async () => {
  const { content, end, error } = STREAMS.chat;
  let requests = 0;
  const upstream = await startRecordingUpstream(async (connection) => {
    for (let index = 0; (await connection.message(index)).complete; index += 1) {
      requests += 1;
      if (requests === 1) connection.send(wholeStream(error));
      else {
        await client.until(': waiting for another attempt\n\n');
        connection.send(wholeStream(content + end));
      }
    }
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(streamRequest(STREAMS.chat));
  const answer = await client.message();
  expect(answer.complete).toBe(true);
  expect(answer.body.toString()).toMatch(/^(: waiting for another attempt\n\n)+data: /);
  expect(answer.body.toString().endsWith(content + end)).toBe(true);
});

it('tries another key when the first event says that the key is limited', async () => {
  const limited = json({
    error: { code: 429, message: 'Rate limit exceeded: free-models-per-min. ' },
    choices: [],
  });
  const { content, end } = STREAMS.chat;
  const upstream = await startRecordingUpstream(
    answering(wholeStream(limited), wholeStream(content + end)),
  );
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(streamRequest(STREAMS.chat));
  expect(answer.body.toString()).toBe(content + end);
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['free_tier_exhausted', 'success']);
  expect(gateway.keys.acquires[1]?.exclude).toHaveLength(1);
});

it('decodes a compressed stream to find its content, and passes it on as it comes', async () => {
  const { gzipSync } = await import('node:zlib');
  const { preamble, content, end } = STREAMS.chat;
  const body = gzipSync(preamble + content + end);
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(Buffer.concat([Buffer.from(head), body]));
  });
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(streamRequest(STREAMS.chat));
  expect(headerLines(answer, 'content-encoding')).toEqual([]);
  expect(answer.body.toString()).toBe(preamble + content + end);
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
});

it('holds no more than a bound of what has no content in it', async () => {
  const empty = STREAMS.chat.preamble;
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(chunkedHead());
    for (let sent = 0; sent < 1_100_000; sent += empty.length) connection.send(chunk(empty));
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(streamRequest(STREAMS.chat));
  await client.until(empty);
  expect(client.received).toContain('200 OK');
});
