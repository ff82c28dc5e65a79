import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendFaultyDocument } from '../faults/document-faults.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Fault } from '../faults/fault-rules.ts';
import { failAfterWork } from '../inference/after-work.ts';
import { breakOff } from '../inference/stream-sender.ts';
import type { Reply } from './route.ts';

type Content = Exclude<Reply, { error: unknown } | { empty: unknown }>;

/** So much of a cut answer is sent. */
const CUT_AT = 40;

type Break = Extract<Fault, { kind: 'stall' | 'end' | 'reset' }>;

const breaks = (fault: Fault | undefined): fault is Break =>
  fault?.kind === 'stall' || fault?.kind === 'end' || fault?.kind === 'reset';

function headOf(reply: Content) {
  if ('json' in reply) return { 'Content-Type': 'application/json', ...reply.headers };
  if ('events' in reply) {
    return { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache', ...reply.headers };
  }
  const { bytes, type, headers } = reply;
  const length = Buffer.isBuffer(bytes) ? bytes.length : bytes.end - bytes.start;
  return { 'Content-Type': type, 'Content-Length': String(length), ...headers };
}

async function* contentOf(reply: Content): AsyncGenerator<Buffer | string> {
  if ('json' in reply) yield JSON.stringify(reply.json);
  else if ('events' in reply) {
    for (const event of reply.events) yield `data: ${JSON.stringify(event)}\n\n`;
    yield 'data: [DONE]\n\n';
  } else if (Buffer.isBuffer(reply.bytes)) yield reply.bytes;
  else if (reply.bytes.end > reply.bytes.start) {
    const { path, start, end } = reply.bytes;
    for await (const chunk of createReadStream(path, { start, end: end - 1 })) {
      yield chunk as Buffer; // a stream without encoding gives buffers
    }
  }
}

/** Sends the head and the beginning, then breaks off. */
async function sendCut(exchange: Exchange, reply: Content, { kind }: Break): Promise<void> {
  exchange.writeHead(200, headOf(reply));
  const first = await contentOf(reply).next();
  const bytes = first.done === true ? Buffer.alloc(0) : Buffer.from(first.value);
  exchange.response.write(bytes.subarray(0, CUT_AT));
  await breakOff(exchange, kind);
}

/** Sends a document, with what a fault changes in it. */
async function sendJson(
  exchange: Exchange,
  { json, status = 200, headers = {} }: Extract<Reply, { json: unknown }>,
  fault: Fault | undefined,
): Promise<void> {
  if (fault !== undefined && (await sendFaultyDocument(exchange, json, fault))) return;
  const error = { code: 502, message: 'Provider disconnected', metadata: {} };
  exchange.answerJson(status, fault?.kind === 'error-in-200' ? { error } : json, headers);
}

/** Sends what a route answers, with the fault that a rule wants. */
export async function sendReply(
  exchange: Exchange,
  reply: Reply,
  fault: Fault | undefined,
): Promise<void> {
  if ('error' in reply) exchange.answerError(reply.error);
  else if (await failAfterWork(exchange, fault)) return;
  else if ('empty' in reply) {
    exchange.writeHead(204, {});
    exchange.response.end();
  } else await sendContent(exchange, reply, fault);
}

async function sendContent(
  exchange: Exchange,
  reply: Content,
  fault: Fault | undefined,
): Promise<void> {
  if (fault?.kind === 'delay') await sleep(fault.headersMs ?? 0);
  if (exchange.response.destroyed) return;
  if (breaks(fault)) await sendCut(exchange, reply, fault);
  else if ('json' in reply) await sendJson(exchange, reply, fault);
  else {
    exchange.writeHead(200, headOf(reply));
    await pipeline(contentOf(reply), exchange.response).catch(() => undefined); // the client is gone
  }
}
