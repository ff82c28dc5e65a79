import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Api } from '@openrouter-proxy/kms-protocol';
import { decodeStream } from '../upstream/decoding.ts';
import { StreamRelay } from './relay.ts';

/** How many sequences of events are tried; a nightly run may set more. */
const SEQUENCES = Number(process.env['STREAM_SEQUENCES'] ?? 10_000);

const KIB = 1024;
const MAX_HELD = 1024 * KIB;
/** Last events are looked for in so many bytes. */
const TAIL = 16 * KIB;

type Kind = 'comment' | 'preamble' | 'content' | 'finish' | 'end' | 'error' | 'nonsense';

/** An event without its line ends. */
interface Event {
  readonly kind: Kind;
  readonly lines: readonly string[];
}

const data = (value: object) => [`data: ${JSON.stringify(value)}`];
const named = (type: string, rest: object = {}) => [`event: ${type}`, ...data({ type, ...rest })];
const choice = (delta: object, finish_reason: string | null = null) =>
  data({ choices: [{ index: 0, delta, finish_reason }] });
const DONE = ['data: [DONE]'];

const EVENTS: Readonly<Record<'chat' | 'completions' | 'responses' | 'messages', Event[]>> = {
  chat: [
    { kind: 'comment', lines: [': OPENROUTER PROCESSING'] },
    { kind: 'preamble', lines: choice({ role: 'assistant', content: '' }) },
    { kind: 'content', lines: choice({ content: 'é [DONE] "error"' }) },
    { kind: 'content', lines: ['data: {"choices": [{"delta":', 'data:  {"content": "x"}}]}'] },
    { kind: 'finish', lines: choice({}, 'stop') },
    { kind: 'end', lines: DONE },
    { kind: 'error', lines: data({ error: { code: 502, message: 'x' }, choices: [] }) },
    { kind: 'error', lines: ['event: error', 'data: {"message":"x"}', ': "error"'] },
    { kind: 'nonsense', lines: ['data: {"choices":'] },
  ],
  completions: [
    { kind: 'comment', lines: ['retry: 10'] },
    { kind: 'preamble', lines: data({ choices: [{ text: '' }] }) },
    { kind: 'content', lines: data({ choices: [{ text: 'x' }] }) },
    { kind: 'finish', lines: data({ choices: [{ text: '', finish_reason: 'stop' }] }) },
    { kind: 'end', lines: DONE },
    { kind: 'error', lines: data({ error: { code: 'server_error' } }) },
  ],
  responses: [
    { kind: 'comment', lines: [': '] },
    { kind: 'preamble', lines: data({ type: 'response.created', response: { error: null } }) },
    { kind: 'content', lines: data({ type: 'response.output_text.delta', delta: 'x' }) },
    { kind: 'end', lines: data({ type: 'response.completed', response: {} }) },
    { kind: 'end', lines: DONE },
    { kind: 'error', lines: data({ type: 'response.failed', response: { error: {} } }) },
  ],
  messages: [
    { kind: 'comment', lines: named('ping') },
    { kind: 'preamble', lines: named('message_start', { message: {} }) },
    { kind: 'content', lines: named('content_block_delta', { delta: { text: 'x' } }) },
    { kind: 'finish', lines: named('message_delta', { delta: {} }) },
    { kind: 'end', lines: named('message_stop') },
    { kind: 'end', lines: ['event: data', ...DONE] },
    { kind: 'error', lines: named('error', { error: { type: 'overloaded_error' } }) },
  ],
};

/** A content event of so many bytes, as images come. */
function large(api: Api, bytes: number): Event {
  const image = 'A'.repeat(bytes);
  const lines = {
    chat: choice({ images: [{ url: image }] }),
    completions: data({ choices: [{ text: image }] }),
    responses: data({ type: 'response.image_generation_call.partial_image', image }),
    messages: named('content_block_delta', { delta: { image } }),
  }[api as keyof typeof EVENTS];
  return { kind: 'content', lines };
}

/** The last event of a response holds all of its output once more. */
const largeEnd = (bytes: number): Event => ({
  kind: 'end',
  lines: data({ type: 'response.completed', response: { output: 'A'.repeat(bytes), usage: {} } }),
});

type Ending = 'blank line' | 'line end' | 'nothing';

interface Stream {
  readonly api: keyof typeof EVENTS;
  readonly events: readonly Event[];
  readonly eol: string;
  readonly mark: string;
  /** What stands behind the last event. */
  readonly ending: Ending;
  /** The sizes of the chunks, over and over. */
  readonly sizes: readonly number[];
}

const streams: fc.Arbitrary<Stream> = fc
  .constantFrom<keyof typeof EVENTS>('chat', 'completions', 'responses', 'messages')
  .chain((api) => {
    const small = fc.constantFrom(...EVENTS[api]);
    const sizes = fc.constantFrom(...[17, 17, 17, 70, 70, 300, 1_100].map((size) => size * KIB));
    const content = sizes.map((size) => large(api, size));
    const big = api === 'responses' ? fc.oneof(content, sizes.map(largeEnd)) : content;
    return fc.record<Stream>({
      api: fc.constant(api),
      events: fc.array(fc.oneof({ arbitrary: small, weight: 150 }, { arbitrary: big, weight: 1 }), {
        maxLength: 12,
      }),
      eol: fc.constantFrom('\n', '\n', '\r\n', '\r'),
      mark: fc.constantFrom('', '', '\uFEFF'),
      ending: fc.constantFrom<Ending>('blank line', 'line end', 'nothing'),
      sizes: fc.array(
        fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 70_000 })),
        {
          minLength: 1,
          maxLength: 4,
        },
      ),
    });
  });

const textOf = ({ lines }: Event, eol: string) => lines.join(eol) + eol + eol;

function bytesOf({ events, eol, mark, ending }: Stream): Buffer {
  const text = mark + events.map((event) => textOf(event, eol)).join('');
  const missing = { 'blank line': 0, 'line end': 1, nothing: 2 }[ending];
  return Buffer.from(
    events.length === 0 ? text : text.slice(0, text.length - missing * eol.length),
  );
}

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  // Large streams are not cut into single bytes: that would take long and show nothing new.
  const least = bytes.length > 10_000 ? bytes.length / 200 : 1;
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = Math.ceil(Math.max(least, sizes[turn % sizes.length] ?? 1));
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** What a client sees, and what came of the stream. */
interface Result {
  readonly seen: readonly string[];
  readonly end: 'whole' | 'failed' | 'open' | 'refused';
}

/** What the client has seen, and what is held back, after some events. */
interface Standing {
  readonly seen: readonly Event[];
  readonly held: readonly Event[];
  readonly kind: 'holding' | 'passing' | 'failed' | 'refused';
}

function after(
  standing: Standing,
  event: Event,
  size: (list: readonly Event[]) => number,
): Standing {
  const { seen, held, kind } = standing;
  if (kind === 'refused' || kind === 'failed') return standing;
  const isError = event.kind === 'error';
  if (kind !== 'holding') {
    return isError ? { seen, held, kind: 'failed' } : { seen: [...seen, event], held, kind };
  }
  const all = [...held, event];
  if (size(all) > MAX_HELD) return { seen: [...seen, ...all], held: [], kind: 'passing' };
  if (isError) return { seen, held, kind: 'refused' };
  if (event.kind === 'comment') return { seen: [...seen, event], held, kind };
  if (event.kind === 'preamble') return { seen, held: all, kind };
  return { seen: [...seen, ...all], held: [], kind: 'passing' };
}

/** The rules, applied to a list of events. */
function expected({ api, events, eol }: Stream): Result {
  const size = (list: readonly Event[]) =>
    list.reduce((sum, event) => sum + Buffer.byteLength(textOf(event, eol)), 0);
  let standing: Standing = { seen: [], held: [], kind: 'holding' };
  for (const event of events) standing = after(standing, event, size);
  const { seen, kind } = standing;
  const data = dataOf(api, seen);
  if (kind === 'holding') return { seen: data, end: 'open' };
  if (kind !== 'passing') return { seen: data, end: kind };
  const endsAt = seen.findLastIndex((event) => event.kind === 'finish' || event.kind === 'end');
  const isLargeEnd = (event: Event) => event.kind === 'end' && size([event]) > TAIL;
  const isWhole = seen.some(isLargeEnd) || (endsAt !== -1 && size(seen.slice(endsAt)) < TAIL);
  return { seen: data, end: isWhole ? 'whole' : 'open' };
}

const dataOf = (api: Api, events: readonly Event[]) =>
  dataIn(Buffer.from(events.map((event) => textOf(event, '\n')).join(''))).filter(
    (each) => api !== 'messages' || each !== '[DONE]',
  );

/** The data of each event, as a client reads it. Long ones in short. */
function dataIn(bytes: Buffer): string[] {
  const seen: string[] = [];
  const parser = createParser({
    onEvent: (event) => seen.push(event.data.length < 300 ? event.data : `${event.data.length}`),
  });
  const text = bytes.toString('utf8');
  parser.feed(text.endsWith('\r') ? `${text}\n` : text);
  return seen;
}

function relayed(api: Api, chunks: Iterable<Buffer>): Result {
  const relay = new StreamRelay(api);
  const out: Buffer[] = [];
  for (const chunk of chunks) {
    const step = relay.push(chunk);
    out.push(step.bytes);
    if (step.kind === 'refused') {
      expect(
        relay.push(Buffer.from('data: {"choices":[{"delta":{"content":"x"}}]}\n\n')).bytes,
      ).toHaveLength(0);
      return { seen: dataIn(Buffer.concat(out)), end: 'refused' };
    }
  }
  const end = relay.end();
  out.push(end.bytes);
  return { seen: dataIn(Buffer.concat(out)), end: end.kind };
}

/** Whether the last event lacks so much that no reader could tell that it is whole. */
const endsInNonsense = ({ events, ending }: Stream) =>
  ending !== 'blank line' && events.at(-1)?.kind === 'nonsense';

const CODINGS = {
  identity: (bytes: Buffer) => bytes,
  gzip: (bytes: Buffer) => gzipSync(bytes, { level: 1 }),
  deflate: (bytes: Buffer) => deflateSync(bytes, { level: 1 }),
  br: (bytes: Buffer) =>
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 0 } }),
  zstd: (bytes: Buffer) => zstdCompressSync(bytes),
} as const;

type Coding = keyof typeof CODINGS;

/** The chunks of a body that comes in a coding, as the gateway reads them. */
async function decoded(coding: Coding, chunks: Iterable<Buffer>): Promise<Buffer[]> {
  const response = new IncomingMessage(new Socket());
  response.headers['content-encoding'] = coding;
  const source = decodeStream(response);
  for (const chunk of chunks) response.push(chunk);
  response.complete = true;
  response.push(null);
  const read: Buffer[] = [];
  for await (const chunk of source ?? []) read.push(chunk as Buffer);
  return read;
}

describe('what the client gets of a stream', () => {
  it('depends on the sequence of its events, not on their division into chunks, line ends or coding', async () => {
    const codings = fc.constantFrom<Coding>(
      'identity',
      'gzip',
      'identity',
      'br',
      'zstd',
      'deflate',
    );
    await fc.assert(
      fc.asyncProperty(streams, codings, async (stream, coding) => {
        fc.pre(!endsInNonsense(stream));
        const bytes = CODINGS[coding](bytesOf(stream));
        const chunks = cut(bytes, stream.sizes);
        const read = coding === 'identity' ? chunks : await decoded(coding, chunks);
        expect(relayed(stream.api, read)).toEqual(expected(stream));
      }),
      { numRuns: SEQUENCES },
    );
  });

  it('keeps the order of all bytes once the answer has begun', () => {
    fc.assert(
      fc.property(streams, (stream) => {
        const first = large(stream.api, 10);
        const events = [first, ...stream.events.filter(({ kind }) => kind !== 'error')];
        const bytes = bytesOf({ ...stream, events, mark: '', ending: 'blank line' });
        const relay = new StreamRelay(stream.api === 'messages' ? 'responses' : stream.api);
        const out = [...cut(bytes, stream.sizes)].map((chunk) => relay.push(chunk).bytes);
        out.push(relay.end().bytes);
        const passed = Buffer.concat(out);
        expect(passed.subarray(0, bytes.length).equals(bytes)).toBe(true);
        expect(passed.subarray(bytes.length).toString().trim()).toBe('');
      }),
      { numRuns: SEQUENCES / 20 },
    );
  });
});
