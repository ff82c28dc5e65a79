/**
 * A program of `npm run bench -- streams`: an upstream that sends streams of events at a steady pace, and
 * the clients that read them, in one process, so that both go by one clock. It does as its parent says.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is to be done. */
export interface Assignment {
  readonly port: number;
  readonly accessKey: string;
  readonly streams: number;
  /** Of each stream. */
  readonly eventsPerSecond: number;
  readonly seconds: number;
}

/** What came of it. */
export interface Delivered {
  /** Events that reached their clients. */
  readonly events: number;
  /** Streams that did not come to their end. */
  readonly broken: number;
  /** From an event's being written upstream to its being read by its client, in milliseconds. */
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** So many connections are opened at once, until the next are. */
const OPENED_AT_ONCE = 20;
const OPEN_EVERY_MS = 10;
const END = 'data: [DONE]\n\n';
const HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const BODY = JSON.stringify({
  model: 'openai/gpt-4o',
  stream: true,
  messages: [{ role: 'user', content: 'Hello' }],
});

const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** An event as OpenRouter's chat API has it, and when it was sent. */
function eventAt(ms: number): string {
  const delta = { role: 'assistant', content: ' word', reasoning: null };
  const choices = [{ index: 0, delta, finish_reason: null, native_finish_reason: null }];
  const common = { id: 'gen-1790000000-abcdefghijklmnopqrst', provider: 'OpenAI' };
  const event = { ...common, model: 'openai/gpt-4o', created: 1_790_000_000, choices };
  return `data: ${JSON.stringify({ ...event, sent: ms })}\n\n`;
}

/** A stream that the upstream sends. */
interface Sending {
  readonly socket: Socket;
  left: number;
  dueAt: number;
}

const sending = new Set<Sending>();
let pace = { everyMs: 50, events: 0 };

function sendDue(): void {
  const now = performance.now();
  for (const stream of sending) {
    if (stream.socket.destroyed) sending.delete(stream);
    if (stream.dueAt > now) continue;
    stream.dueAt += pace.everyMs;
    stream.left -= 1;
    stream.socket.write(chunk(eventAt(performance.now())));
    if (stream.left > 0) continue;
    sending.delete(stream);
    stream.socket.write(`${chunk(END)}0\r\n\r\n`);
  }
}

/** Answers each request with a stream; requests come whole, their bodies are short. */
function serve(socket: Socket): void {
  let request = '';
  socket.setNoDelay(true).setEncoding('latin1');
  socket.on('error', () => undefined); // the client counts what is broken
  socket.on('data', (text: string) => {
    request += text;
    if (!request.endsWith(BODY)) return;
    request = '';
    socket.write(HEAD);
    const dueAt = performance.now() + Math.random() * pace.everyMs;
    sending.add({ socket, left: pace.events, dueAt });
  });
}

/** Reads one stream to its end; whether it came to it. */
async function read({ port, accessKey }: Assignment, delays: number[]): Promise<boolean> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
  const head = [
    'POST /api/v1/chat/completions HTTP/1.1',
    'Host: bench',
    `Authorization: Bearer ${accessKey}`,
    'Content-Type: application/json',
    `Content-Length: ${BODY.length}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${BODY}`);
  let rest = '';
  let isWhole = false;
  socket.on('data', (text: string) => {
    const now = performance.now();
    rest += text;
    for (const [, sent] of rest.matchAll(/"sent":([\d.]+)\}/g)) delays.push(now - Number(sent));
    isWhole = rest.endsWith(`${END}\r\n0\r\n\r\n`);
    rest = rest.slice(rest.lastIndexOf('}') + 1);
    if (isWhole) socket.end();
  });
  socket.on('error', () => undefined); // then it has not come to its end
  await once(socket, 'close').catch(() => undefined);
  return isWhole;
}

async function run(assignment: Assignment): Promise<Delivered> {
  const { streams, eventsPerSecond, seconds } = assignment;
  pace = { everyMs: 1_000 / eventsPerSecond, events: eventsPerSecond * seconds };
  const delays: number[] = [];
  const ends: Promise<boolean>[] = [];
  while (ends.length < streams) {
    for (let n = 0; n < OPENED_AT_ONCE; n += 1) ends.push(read(assignment, delays));
    await sleep(OPEN_EVERY_MS);
  }
  const whole = await Promise.all(ends);
  const sorted = delays.toSorted((a, b) => a - b);
  return {
    events: delays.length,
    broken: whole.filter((isWhole) => !isWhole).length,
    medianMs: sorted[sorted.length >> 1] ?? NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
  };
}

const upstream = createServer(serve).listen(0, '127.0.0.1', 4_096);
await once(upstream, 'listening');
setInterval(sendDue, 1);
process.on('message', (assignment: Assignment) => {
  void run(assignment).then((delivered) => process.send?.(delivered));
});
process.on('disconnect', () => process.exit());
const { port } = upstream.address() as AddressInfo; // a listening TCP server has one
process.send?.({ port });
