import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { answered, breakOf, whenClosed, type Break } from './answer-end.ts';
import type { Answered, AnswerOptions } from './attempt-result.ts';
import { DocumentScan } from '../upstream/json-scan.ts';
import { decodeStream, isPlain } from '../upstream/decoding.ts';
import type { RequestContext } from '../response/request-context.ts';
import type { ResponseWriter } from '../response/response-writer.ts';
import { clientResponseHeaders } from '../upstream/response-headers.ts';
import { maskOf } from '../upstream/secret-mask.ts';
import { IdleTimer } from '../upstream/idle-timer.ts';
import type { UpstreamResponse } from '../upstream/upstream.ts';
import { StreamTail } from '../streams/tail.ts';

/** What is done with a body while it passes. */
interface Passage {
  /** The bytes to send in place of a chunk. */
  passed: (chunk: Buffer) => Buffer;
  /** The last bytes to send; undefined: the body is not whole. */
  ended: () => Buffer | undefined;
  /** Is called with the reason when the body ends early. */
  breakOff: (why: Break) => void;
}

/** Moves a body from its source to the client. Returns what stops it. */
function pump(
  upstream: UpstreamResponse,
  source: Readable,
  response: ServerResponse,
  options: AnswerOptions & Passage,
): () => void {
  const { cancellation, passed, ended, breakOff } = options;
  const { signal } = cancellation;
  const onAbort = () => breakOff(breakOf(cancellation.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  const silence = new IdleTimer(options.forwarding.idleTimeoutMs, () => {
    // A client that does not read pauses the upstream: then the client is the silent one.
    breakOff(response.writableNeedDrain ? 'client_abort' : 'stalled');
  });
  let hasEnded = false;
  source.on('data', (chunk: Buffer) => {
    silence.heard();
    const bytes = passed(chunk);
    if (bytes.length > 0 && !response.write(bytes)) source.pause();
  });
  source.once('end', () => {
    hasEnded = true;
    const rest = ended();
    if (rest === undefined) breakOff('truncated');
    else response.end(rest);
  });
  source.once('error', () => breakOff('truncated'));
  source.once('close', () => {
    if (!hasEnded) breakOff('truncated');
  });
  response.on('drain', () => source.resume());
  return () => {
    silence.stop();
    signal.removeEventListener('abort', onAbort);
    if (!hasEnded) source.destroy();
    if (!upstream.complete) upstream.destroy();
  };
}

/** What a relay has to know beyond the response. */
export interface RelayOptions {
  /** The part of the body that was read before. */
  begun?: readonly Buffer[];
  /** Whether it is a JSON document, whose end is known by its brackets. */
  isDocument?: boolean;
}

/** The body to relay: decoded if it has to be read while it passes. */
function bodyOf(
  upstream: UpstreamResponse,
  { identity }: RequestContext,
  { secret }: AnswerOptions,
  { begun = [], isDocument = false }: RelayOptions,
): { source: Readable; begun: readonly Buffer[]; isDecoded: boolean } {
  const hasBody = upstream.statusCode === 200 && identity.method !== 'HEAD';
  const isRead = hasBody && (secret !== null || isDocument) && !isPlain(upstream.headers);
  const decoded = isRead ? decodeStream(upstream, begun) : undefined;
  if (decoded === undefined) return { source: upstream, begun, isDecoded: false };
  return { source: decoded, begun: [], isDecoded: true };
}

/** Sends the head, unless white space has begun the answer. */
function writeHead(
  { statusCode: status, headers }: UpstreamResponse,
  writer: ResponseWriter,
  { isDecoded, isDocument }: { isDecoded: boolean; isDocument: boolean },
): void {
  if (writer.isDocument) return;
  const passed = clientResponseHeaders(status, headers);
  if (isDecoded) delete passed['content-encoding'];
  // A length would make a document look whole before its end has been seen.
  if (isDecoded || isDocument) delete passed['content-length'];
  writer.writeHead(status, passed);
}

/** Masks and reads a body as it passes. */
function reading(
  { identity: { api } }: RequestContext,
  { secret, metrics }: AnswerOptions,
  { status, isDocument }: { status: number; isDocument: boolean },
) {
  const isModelAnswer = status === 200 && api !== null && api !== 'other';
  const tail = metrics.tokens && isModelAnswer ? new StreamTail() : undefined;
  const scan = isDocument ? new DocumentScan() : undefined;
  const mask = maskOf(secret).stream();
  return {
    passed: (chunk: Buffer) => {
      tail?.push(chunk);
      scan?.push(chunk);
      return mask.push(chunk);
    },
    ended: () => (scan === undefined || scan.state === 'whole' ? mask.end() : undefined),
    /** With the usage, where a model answers. */
    withUsage: (end: Answered): Answered =>
      tail === undefined
        ? end
        : { ...end, usage: end.outcome.kind === 'success' ? tail.usage() : null },
  };
}

/**
 * Sends an answer on to the client as it arrives, after the part that was read before, and gives how it
 * ended. From here on nothing can be repeated. One that breaks off leaves the client's connection
 * broken too, without the final chunk: a cut answer must not look whole (RFC 9112, section 8).
 */
export async function relay(
  upstream: UpstreamResponse,
  context: RequestContext,
  options: AnswerOptions,
  relayed: RelayOptions = {},
): Promise<Answered> {
  const { writer } = context;
  const { response } = writer;
  const { isDocument = false } = relayed;
  const { source, begun, isDecoded } = bodyOf(upstream, context, options, relayed);
  options.onContent();
  writeHead(upstream, writer, { isDecoded, isDocument });
  /** What broke the answer off first: everything after that is a consequence. */
  let broken: Break | undefined;
  const breakOff = (why: Break) => {
    broken ??= why;
    response.destroy();
  };
  const { passed, ended, withUsage } = reading(context, options, {
    status: upstream.statusCode,
    isDocument,
  });
  for (const chunk of begun) response.write(passed(chunk));
  const stop = pump(upstream, source, response, { ...options, passed, ended, breakOff });
  source.resume();
  // The head goes out with the first piece of the body, unless that takes more than this turn.
  setImmediate(() => response.flushHeaders());
  await whenClosed(response);
  stop();
  return withUsage(answered(response, broken));
}
