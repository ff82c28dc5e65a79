import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Outcome, Usage, Verdict } from '@openrouter-proxy/kms-protocol';
import type { Answered, AnswerLimits } from '../outcome/attempt-result.ts';
import { DocumentScan } from '../upstream/json-scan.ts';
import { decodeStream, isPlain } from '../upstream/decoding.ts';
import type { Exchange } from '../http/exchange.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { clientResponseHeaders } from '../upstream/response-headers.ts';
import { maskOf } from '../upstream/secret-mask.ts';
import { IdleTimer } from '../upstream/idle-timer.ts';
import { StreamTail } from '../streams/tail.ts';

/** How an answer can break off; `cut_off`: this gateway had to end it. */
export type Break = Exclude<Verdict, 'complete' | 'error'> | 'cut_off';

/** Why an answer that has begun is to end, given the reason of the abort. */
export const breakOf = (reason: unknown): Break =>
  reason instanceof GatewayError ? 'cut_off' : 'client_abort';

/** The same for whoever looks at the answer. */
export const verdictOf = (why: Break): Verdict => (why === 'cut_off' ? 'truncated' : why);

const OUTCOME_OF: Record<Break, Outcome> = {
  client_abort: { kind: 'client_abort' },
  cut_off: { kind: 'client_abort' }, // no fault of the key's or of OpenRouter's
  stalled: { kind: 'timeout', detail: 'the upstream fell silent within its answer' },
  truncated: { kind: 'truncated', detail: 'the upstream broke off within its answer' },
};

/** Resolves when an answer's connection is done with it; says how it ended, given what broke it off. */
export async function closed(
  exchange: Exchange,
  broken: () => Break | undefined,
): Promise<Answered> {
  const { response } = exchange;
  if (!response.closed) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    response.once('close', () => resolve(undefined));
    await promise;
  }
  if (response.writableFinished && broken() === undefined) {
    exchange.verdict ??= 'complete';
    return { kind: 'answered', outcome: { kind: 'success', status: response.statusCode } };
  }
  const why = broken() ?? 'client_abort';
  exchange.verdict = verdictOf(why);
  return { kind: 'answered', outcome: OUTCOME_OF[why] };
}

/** An answer whose body is all there. */
export interface WholeAnswer {
  status: number;
  body: Buffer;
  headers: OutgoingHttpHeaders;
  /** As in `Answered`. */
  usage?: Usage | null;
}

/** Sends an answer whose body is all there. */
export async function deliver(exchange: Exchange, answer: WholeAnswer): Promise<Answered> {
  const { status, body, headers, usage } = answer;
  exchange.answer(status, body, headers);
  const end = await closed(exchange, () => undefined);
  return usage === undefined ? end : { ...end, usage };
}

/** What is done with a body on its way. */
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
  upstream: IncomingMessage,
  source: Readable,
  { response }: Exchange,
  { idleTimeoutMs, signal, passed, ended, breakOff }: AnswerLimits & Passage,
): () => void {
  const onAbort = () => breakOff(breakOf(signal.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  const silence = new IdleTimer(idleTimeoutMs, () => {
    // A client that does not read keeps the upstream waiting: then the silence is the client's.
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

/** What is relayed, where it is not simply a response from its first byte on. */
export interface RelayOptions {
  /** What of the body was read before. */
  begun?: readonly Buffer[];
  /** Whether it is a JSON document, whose end is known by its brackets. */
  isDocument?: boolean;
}

/** The body to relay: decoded where it has to be read on its way. */
function bodyOf(
  upstream: IncomingMessage,
  { request }: Exchange,
  { secret }: AnswerLimits,
  { begun = [], isDocument = false }: RelayOptions,
): { source: Readable; begun: readonly Buffer[]; isDecoded: boolean } {
  const hasBody = upstream.statusCode === 200 && request.method !== 'HEAD';
  const isRead = hasBody && (secret !== null || isDocument) && !isPlain(upstream.headers);
  const decoded = isRead ? decodeStream(upstream, begun) : undefined;
  if (decoded === undefined) return { source: upstream, begun, isDecoded: false };
  return { source: decoded, begun: [], isDecoded: true };
}

/** Sends the head, unless white space has begun the answer. */
function writeHead(
  { statusCode: status = 502, headers }: IncomingMessage,
  exchange: Exchange,
  { isDecoded, isDocument }: { isDecoded: boolean; isDocument: boolean },
): void {
  if (exchange.isDocument) return;
  const passed = clientResponseHeaders(status, headers);
  if (isDecoded) delete passed['content-encoding'];
  // A length would make a document look whole before its end has been seen.
  if (isDecoded || isDocument) delete passed['content-length'];
  exchange.writeHead(status, passed);
}

/** Masks and reads a body as it passes. */
function reading(
  { api }: Exchange,
  { secret, countsTokens }: AnswerLimits,
  { status, isDocument }: { status: number | undefined; isDocument: boolean },
) {
  const isModelAnswer = status === 200 && api !== null && api !== 'other';
  const tail = countsTokens && isModelAnswer ? new StreamTail() : undefined;
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
 * Sends an answer on to the client as it arrives, after what of it was read already, and says how it
 * ended. From here on nothing can be repeated. One that breaks off leaves the client's connection
 * broken too, without the final chunk: a cut answer must not look whole (RFC 9112, section 8).
 */
export async function relay(
  upstream: IncomingMessage,
  exchange: Exchange,
  limits: AnswerLimits,
  options: RelayOptions = {},
): Promise<Answered> {
  const { response } = exchange;
  const { isDocument = false } = options;
  const { source, begun, isDecoded } = bodyOf(upstream, exchange, limits, options);
  limits.onContent();
  writeHead(upstream, exchange, { isDecoded, isDocument });
  /** What broke the answer off first: everything after that is a consequence. */
  let broken: Break | undefined;
  const breakOff = (why: Break) => {
    broken ??= why;
    response.destroy();
  };
  const { passed, ended, withUsage } = reading(exchange, limits, {
    status: upstream.statusCode,
    isDocument,
  });
  for (const chunk of begun) response.write(passed(chunk));
  const stop = pump(upstream, source, exchange, { ...limits, passed, ended, breakOff });
  source.resume();
  // The head goes out with the first piece of the body, unless that keeps the client waiting.
  setImmediate(() => response.flushHeaders());
  const end = await closed(exchange, () => broken);
  stop();
  return withUsage(end);
}
