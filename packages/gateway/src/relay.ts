import type { IncomingMessage } from 'node:http';
import type { Outcome } from '@openrouter-proxy/kms-protocol';
import { passAll, withoutDoneEvent } from './done-event.ts';
import type { Exchange, Verdict } from './exchange.ts';
import { clientResponseHeaders } from './response-headers.ts';

/** What ends a response before its time. */
export interface RelayLimits {
  /** The longest silence, in milliseconds. */
  idleTimeoutMs: number;
  /** Aborts when the client is gone or has broken off. */
  signal: AbortSignal;
  /** The key the request was sent under, which an upstream might echo. */
  secret: string | null;
}

type Break = Exclude<Verdict, 'complete' | 'error'>;

const OUTCOME_OF: Record<Break, Outcome> = {
  client_abort: { kind: 'client_abort' },
  stalled: { kind: 'timeout', detail: 'the upstream fell silent within its answer' },
  truncated: { kind: 'truncated', detail: 'the upstream broke off within its answer' },
};

/** Whether a response is a stream of events whose bytes can be read as they are. */
function isPlainStream({ headers }: IncomingMessage): boolean {
  const isStream = headers['content-type']?.startsWith('text/event-stream') === true;
  return isStream && (headers['content-encoding'] ?? 'identity') === 'identity';
}

/** Moves the body from the upstream to the client; `breakOff` is called with whatever ends it early. */
function pump(
  upstream: IncomingMessage,
  { response, api }: Exchange,
  limits: RelayLimits,
  breakOff: (why: Break) => void,
): () => void {
  const filter = api === 'messages' && isPlainStream(upstream) ? withoutDoneEvent() : passAll;
  const onAbort = () => breakOff('client_abort');
  limits.signal.addEventListener('abort', onAbort, { once: true });
  const silence = setTimeout(() => {
    // A client that does not read keeps the upstream waiting: then the silence is the client's.
    breakOff(response.writableNeedDrain ? 'client_abort' : 'stalled');
  }, limits.idleTimeoutMs);
  upstream.on('data', (chunk: Buffer) => {
    silence.refresh();
    if (!response.write(filter.push(chunk))) upstream.pause();
  });
  upstream.once('end', () => response.end(filter.rest()));
  upstream.once('error', () => breakOff('truncated'));
  upstream.once('close', () => {
    if (!upstream.complete) breakOff('truncated');
  });
  response.on('drain', () => upstream.resume());
  return () => {
    clearTimeout(silence);
    limits.signal.removeEventListener('abort', onAbort);
    if (!upstream.complete) upstream.destroy();
  };
}

/**
 * Sends an upstream response on to the client as it arrives, and says how it ended. From here on
 * nothing can be repeated. A response that breaks off leaves the client's connection broken too,
 * without the final chunk: a cut answer must not look whole (RFC 9112, section 8).
 */
export async function relay(
  upstream: IncomingMessage,
  exchange: Exchange,
  limits: RelayLimits,
): Promise<Outcome> {
  const { response } = exchange;
  const status = upstream.statusCode ?? 502;
  const closed = Promise.withResolvers<undefined>();
  response.once('close', () => closed.resolve(undefined));
  exchange.writeHead(status, clientResponseHeaders(status, upstream.headers, limits.secret));
  /** What broke the answer off first: everything after that is a consequence. */
  let broken: Break | undefined;
  const stop = pump(upstream, exchange, limits, (why) => {
    broken ??= why;
    response.destroy();
  });
  // The head goes out with the first piece of the body, unless that keeps the client waiting.
  setImmediate(() => response.flushHeaders());
  await closed.promise;
  stop();
  if (response.writableFinished) {
    exchange.verdict = 'complete';
    return { kind: 'success', status };
  }
  exchange.verdict = broken ?? 'client_abort';
  return OUTCOME_OF[exchange.verdict];
}
