import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { newSecret, startTestGateway } from './support/gateway.ts';
import { headerLines } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  startRecordingUpstream,
} from './support/recording-upstream.ts';
import type { RawConnection } from './support/raw-connection.ts';
import {
  largeEvent,
  STREAMS,
  streamRequest,
  wholeStream,
  type ApiStream,
} from './support/streams.ts';

const MIB = 1024 * 1024;

/** A response that is such a stream, in chunks of so many bytes. */
function inChunks(text: string, bytes: number): string {
  const pieces = Array.from({ length: Math.ceil(text.length / bytes) }, (_, n) =>
    chunk(text.slice(n * bytes, (n + 1) * bytes)),
  );
  return `${chunkedHead()}${pieces.join('')}0\r\n\r\n`;
}

const good = ({ preamble, content, end }: ApiStream) => preamble + content + end;

describe.each(Object.entries(STREAMS))('a stream of %s', (_api, stream) => {
  const { comment, preamble, content, end, error } = stream;

  it.each([
    ['in the same read', (text: string) => wholeStream(text)],
    ['in another read', (text: string) => inChunks(text, error.length)],
    ['byte by byte', (text: string) => inChunks(text, 1)],
  ])(
    'that sends more behind an error event (%s) shows nothing of it, and another attempt serves',
    async (_how, sent) => {
      const failed = sent(error + preamble + content + end);
      const upstream = await startRecordingUpstream(answering(failed, wholeStream(good(stream))));
      const gateway = await startTestGateway(upstream.url);
      const answer = await gateway.send(streamRequest(stream));
      expect(answer.complete).toBe(true);
      expect(answer.body.toString()).toBe(good(stream));
      expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['2']);
    },
  );

  it.each([
    ['17 KiB in one read', 17 * 1024, Infinity],
    ['300 KiB in pieces', 300 * 1024, 16 * 1024],
    ['2 MiB in one read', 2 * MIB, Infinity],
    ['2 MiB in pieces', 2 * MIB, 60_000],
  ])('passes an event of %s on in its place, and stays whole', async (_how, bytes, pieces) => {
    const text = preamble + largeEvent(stream, bytes) + content + largeEvent(stream, bytes) + end;
    const size = Math.min(pieces, text.length);
    const upstream = await startRecordingUpstream(answering(inChunks(text, size)));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(streamRequest(stream));
    expect(answer.complete).toBe(true);
    expect(answer.body.equals(Buffer.from(text))).toBe(true);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
    expect(gateway.records[0]?.verdict).toBe('complete');
  });

  it('that is cut within an event that is held back is taken over by another attempt', async () => {
    const half = preamble + largeEvent(stream, 600 * 1024).slice(0, 500 * 1024);
    const cut = `${chunkedHead()}${chunk(half)}0\r\n\r\n`;
    const upstream = await startRecordingUpstream(answering(cut, wholeStream(good(stream))));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(streamRequest(stream));
    expect(answer.complete).toBe(true);
    expect(answer.body.toString()).toBe(good(stream));
  });

  it('that is cut within an event that is passing is not repeated, and does not look whole', async () => {
    const half = preamble + largeEvent(stream, 3 * MIB).slice(0, 2 * MIB);
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead() + chunk(half));
      connection.socket.end();
    });
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(streamRequest(stream));
    expect(answer.complete).toBe(false);
    const body = answer.body.toString();
    // What the upstream sent last may be lost with its connection, while the client is still reading.
    const passed = body.slice(
      0,
      body.search(/\n\n(event: error\n)?data: [^\n]*"source":"gateway"/),
    );
    expect(passed.length).toBeGreaterThan(MIB);
    expect(half.startsWith(passed)).toBe(true);
    expect(body.slice(passed.length)).toMatch(stream.broken);
    expect(upstream.requests()).toHaveLength(1);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['truncated']);
  });

  it('is whole when its connection is lost behind its last event', async () => {
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead() + chunk(good(stream)));
      connection.socket.end();
    });
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(streamRequest(stream));
    expect(answer).toMatchObject({ complete: true });
    expect(answer.body.toString()).toBe(good(stream));
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
  });

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])(
    'may end its lines with %s, begin with a mark, and lack its last blank line',
    async (_eol, eol) => {
      const text = comment + preamble + error;
      const failed = `\uFEFF${text.trimEnd()}`.replaceAll('\n', eol);
      const served = `\uFEFF${good(stream).trimEnd()}`.replaceAll('\n', eol);
      const bytes = (body: string) => Buffer.from(wholeStream(body));
      const upstream = await startRecordingUpstream(answering(bytes(failed), bytes(served)));
      const gateway = await startTestGateway(upstream.url);
      const answer = await gateway.send(streamRequest(stream));
      expect(answer.complete).toBe(true);
      const seen = answer.body.toString('latin1').replaceAll(eol, '\n').trimEnd();
      expect(seen).toBe((comment + good(stream)).trimEnd());
      await expect.poll(() => gateway.keys.outcomes()).toEqual([expect.any(String), 'success']);
    },
  );

  it('never shows the key that an upstream echoes, also where it comes in two pieces', async () => {
    const secret = newSecret();
    const echo = content.replace('Hello', `Hello ${secret} ${secret.slice(9).toUpperCase()}`);
    const text = comment.replace(/^: /, `: ${secret}`) + preamble + echo + end;
    for (const size of [text.length, 7]) {
      const upstream = await startRecordingUpstream(answering(inChunks(text, size)));
      const gateway = await startTestGateway(upstream.url, { secrets: [secret] });
      const answer = await gateway.send(streamRequest(stream));
      expect(answer.complete).toBe(true);
      expect(answer.body.toString().toLowerCase()).not.toContain(secret.slice(9));
      expect(answer.body.toString()).toContain('Hello ');
      expect(answer.body).toHaveLength(text.length);
    }
  });
});

const USAGE = { prompt_tokens: 3, completion_tokens: 4, input_tokens: 3, output_tokens: 4 };
const chunkOf = (rest: object) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], ...rest })}\n\n`;

/** The last event that a client needs, and what follows it, usage included. */
const LAST: Readonly<Record<keyof typeof STREAMS, [last: string, rest: string]>> = {
  chat: [chunkOf({}), `${chunkOf({ usage: USAGE })}data: [DONE]\n\n`],
  completions: [chunkOf({}), `${chunkOf({ usage: USAGE })}data: [DONE]\n\n`],
  responses: [
    `data: ${JSON.stringify({ type: 'response.completed', response: { usage: USAGE } })}\n\n`,
    'data: [DONE]\n\n',
  ],
  messages: [
    `data: ${JSON.stringify({ type: 'message_delta', delta: {}, usage: USAGE })}\n\n`,
    'data: {"type":"message_stop"}\n\n',
  ],
};

describe.each(Object.entries(LAST))('a client of %s', (api, [last, rest]) => {
  const stream = STREAMS[api as keyof typeof STREAMS];

  it.each([
    ['ends', (source: RawConnection) => source.send(`${chunk(rest)}0\r\n\r\n`)],
    ['is cut', (source: RawConnection) => source.socket.end()],
  ])('that leaves at the last event it needs is served, and the stream %s', async (how, go) => {
    const opened = Promise.withResolvers<RawConnection>();
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead() + chunk(stream.preamble + stream.content + last));
      opened.resolve(connection);
    });
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(streamRequest(stream));
    await client.until(last.trimEnd());
    client.socket.destroy();
    const source = await opened.promise;
    if (how === 'ends') await expect.poll(() => gateway.records).toHaveLength(0);
    go(source);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
    await expect.poll(() => gateway.records[0]?.verdict).toBe('complete');
    const counts = how === 'ends' || !['chat', 'completions'].includes(api);
    if (counts) expect(gateway.records[0]?.usage).toMatchObject({ sent: 3, received: 4 });
  });

  it('that leaves before has given up, and the upstream is cancelled', async () => {
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead() + chunk(stream.preamble + stream.content));
    });
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(streamRequest(stream));
    await client.until('Hello');
    client.socket.destroy();
    await upstream.connections[0]?.ended();
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
    await expect.poll(() => gateway.records[0]?.verdict).toBe('client_abort');
  });
});

const CODINGS: [name: string, encode: (bytes: Buffer) => Buffer][] = [
  ['gzip', (bytes) => gzipSync(bytes)],
  ['deflate', (bytes) => deflateSync(bytes)],
  ['br', (bytes) => brotliCompressSync(bytes)],
  ['zstd', (bytes) => zstdCompressSync(bytes)],
];

/** A response in a coding; one that stops short ends in order all the same. */
function coded(name: string, body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: ${name}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

describe.each(CODINGS)('a stream in the coding %s', (name, encode) => {
  const { preamble, content, end, error } = STREAMS.chat;

  it('that begins with an error is taken over by another attempt', async () => {
    const failed = coded(name, encode(Buffer.from(preamble + error + content + end)));
    const served = coded(name, encode(Buffer.from(good(STREAMS.chat))));
    const upstream = await startRecordingUpstream(answering(failed, served));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(streamRequest(STREAMS.chat));
    expect(answer.body.toString()).toBe(good(STREAMS.chat));
    expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['2']);
  });

  it('that is cut before its content is taken over, and after it does not look whole', async () => {
    const random = Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString('hex');
    const long = preamble + content.replace('Hello', random) + end;
    const cut = encode(Buffer.from(long)).subarray(0, 5_000);
    const served = coded(name, encode(Buffer.from(good(STREAMS.chat))));
    const upstream = await startRecordingUpstream(answering(coded(name, cut), served));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(streamRequest(STREAMS.chat));
    expect(answer.body.toString()).toBe(good(STREAMS.chat));
  });
});

describe('a client that does not read', () => {
  const flood = `: ${'x'.repeat(1_000)}\n\n`.repeat(1_000);
  const memory = () => {
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    return arrayBuffers + heapUsed;
  };

  it('holds back an upstream that sends nothing but comments', async () => {
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead());
      for (let n = 0; n < 64; n += 1) connection.send(chunk(flood));
    });
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.socket.pause();
    client.send(streamRequest(STREAMS.chat));
    await expect.poll(() => upstream.connections.length).toBe(1);
    const [source] = upstream.connections;
    const waiting: number[] = [];
    await expect
      .poll(
        () => {
          waiting.push(source?.socket.writableLength ?? 0);
          return waiting.length > 5 && new Set(waiting.slice(-4)).size === 1;
        },
        { interval: 100 },
      )
      .toBe(true);
    expect(waiting.at(-1)).toBeGreaterThan(40 * MIB);
  });

  it('holds back the decoder of a small body that holds many comments', async () => {
    const member = gzipSync(flood);
    const body = Buffer.concat(Array.from({ length: 256 }, () => member)); // 256 MB of comments
    const before = memory();
    const upstream = await startRecordingUpstream(answering(coded('gzip', body)));
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.socket.pause();
    client.send(streamRequest(STREAMS.chat));
    const grown: number[] = [];
    await expect
      .poll(() => grown.push(memory() - before) > 12 && upstream.requests().length, {
        interval: 100,
      })
      .toBe(1);
    expect(Math.max(...grown)).toBeLessThan(64 * MIB);
  });
});
