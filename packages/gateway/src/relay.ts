import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Outcome } from '@openrouter-proxy/kms-protocol';
import { CLIENT_GONE, type Exchange, type Verdict } from './exchange.ts';
import { clientResponseHeaders } from './response-headers.ts';

/** What ends a response before its time. */
export interface RelayLimits {
  /** The longest silence, in milliseconds. */
  idleTimeoutMs: number;
  /** Aborts when the client is gone or the request's time is up. */
  signal: AbortSignal;
}

type Break = Exclude<Verdict, 'complete' | 'error'>;

const OUTCOME_OF: Record<Break, Outcome> = {
  client_abort: { kind: 'client_abort' },
  stalled: { kind: 'timeout', detail: 'the upstream fell silent within its answer' },
  truncated: { kind: 'truncated', detail: 'the upstream broke off within its answer' },
};

/** Remembers what broke an answer off first: everything after that is a consequence. */
function watch(upstream: IncomingMessage, response: ServerResponse, limits: RelayLimits) {
  let first: Break | undefined;
  const breakOff = (why: Break) => {
    first ??= why;
    upstream.destroy();
  };
  const timer = setTimeout(() => {
    // A client that does not read keeps the upstream waiting: then the silence is the client's.
    breakOff(response.writableNeedDrain ? 'client_abort' : 'stalled');
  }, limits.idleTimeoutMs);
  const onAbort = () => breakOff(limits.signal.reason === CLIENT_GONE ? 'client_abort' : 'stalled');
  limits.signal.addEventListener('abort', onAbort, { once: true });
  upstream.on('data', () => timer.refresh());
  upstream.once('error', () => (first ??= 'truncated'));
  return {
    first: () => first ?? 'client_abort',
    stop() {
      clearTimeout(timer);
      limits.signal.removeEventListener('abort', onAbort);
    },
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
  const status = upstream.statusCode ?? 502;
  const watched = watch(upstream, exchange.response, limits);
  exchange.writeHead(status, clientResponseHeaders(status, upstream.headers));
  // The head goes out with the first piece of the body, unless that keeps the client waiting.
  setImmediate(() => exchange.response.flushHeaders());
  try {
    await pipeline(upstream, exchange.response);
    exchange.verdict = 'complete';
    return { kind: 'success', status };
  } catch {
    exchange.verdict = watched.first();
    exchange.response.destroy();
    return OUTCOME_OF[exchange.verdict];
  } finally {
    watched.stop();
  }
}
