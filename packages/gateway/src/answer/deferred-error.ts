import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { HeldAnswer } from '../outcome/attempt-result.ts';
import { errorBodyForClient, errorDocument, withRetryTime } from '../outcome/error-details.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Refusal } from '../outcome/outcome.ts';
import { clientResponseHeaders } from '../upstream/response-headers.ts';
import { waitAskedFor } from '../outcome/retry-after.ts';
import { LONGEST_RETRY_AFTER_MS, retryAdvice } from '../errors/retry-advice.ts';
import { maskOf } from '../upstream/secret-mask.ts';

/** What an error of the upstream's is passed on under. */
export interface DeferredErrorOptions {
  /** The key that the request was sent under. */
  secret: string | null;
  outcome: Refusal;
}

/** OpenRouter's own words, without what names a key or its account, and without the key itself. */
export function withoutKey(words: Buffer, secret: string | null): Buffer {
  const mask = maskOf(secret);
  // Masked twice: removing identities may split a key, and parsing JSON may unescape one.
  return mask.bytes(errorBodyForClient(mask.bytes(words)));
}

/** Passes an error document on, with the gateway's rule for when to come back. */
function pass(
  exchange: Exchange,
  upstream: Pick<IncomingMessage, 'headers'>,
  { status, document }: { status: number; document: Buffer },
  { secret, outcome }: DeferredErrorOptions,
): void {
  const now = Date.now();
  const wait = waitAskedFor(outcome, now);
  const advice = retryAdvice(wait, now);
  const headers: OutgoingHttpHeaders = clientResponseHeaders(status, upstream.headers);
  delete headers['content-encoding'];
  delete headers['content-length'];
  delete headers['retry-after'];
  const words = withoutKey(document, secret);
  const isLong = wait !== undefined && wait > LONGEST_RETRY_AFTER_MS;
  const body = isLong ? withRetryTime(words, wait, advice.sentence) : words;
  exchange.answerWithError(status, body, { ...headers, ...advice.headers });
}

/** An error document of the upstream's, decoded, that can be passed on to the client. */
export function deferredDocument(
  upstream: IncomingMessage,
  document: Buffer,
  options: DeferredErrorOptions,
): HeldAnswer {
  return {
    answer(exchange) {
      const { statusCode: sent = 502 } = upstream;
      // An error within a 200 gets the status that it names.
      const status = sent >= 400 ? sent : options.outcome.status;
      pass(exchange, upstream, { status, document }, options);
    },
  };
}

/** A stream of the upstream's that holds nothing but an error. `body` is the data of the error event. */
export function deferredEvents(
  upstream: IncomingMessage,
  { body, events }: { body: string; events: Buffer },
  options: DeferredErrorOptions,
): HeldAnswer {
  return {
    answer(exchange) {
      if (exchange.isStreaming) {
        exchange.endWithEvents(withoutKey(events, options.secret));
        return;
      }
      const document = Buffer.from(errorDocument(body, exchange.api === 'messages'));
      const { headers } = upstream;
      const asJson = { headers: { ...headers, 'content-type': 'application/json' } };
      pass(exchange, asJson, { status: options.outcome.status, document }, options);
    },
  };
}
