import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { LONGEST_RETRY_AFTER_MS, retryAdvice } from '../errors/retry-advice.ts';
import { answerError, answerUpstreamError } from '../response/error-answer.ts';
import type { RequestContext } from '../response/request-context.ts';
import { errorBodyForClient, errorDocument, withRetryTime } from '../outcome/error-details.ts';
import type { Refusal } from '../outcome/outcome.ts';
import { waitAskedFor } from '../outcome/retry-after.ts';
import { clientResponseHeaders } from '../upstream/response-headers.ts';
import { maskOf } from '../upstream/secret-mask.ts';
import { edgeError, type EdgeRefusal } from './edge-page.ts';

/** An error of the upstream's that is held back: another attempt may do better. */
export type DeferredError =
  | ErrorDocument
  /** A stream that holds nothing but an error. `body`: the data of the error event. */
  | (ErrorSource & {
      readonly kind: 'events';
      readonly body: string;
      readonly events: Buffer;
    })
  /** A page of the edge. */
  | { readonly kind: 'edge'; readonly outcome: EdgeRefusal };

interface ErrorSource {
  readonly outcome: Refusal;
  readonly headers: IncomingHttpHeaders;
  /** The key that the request was sent under. */
  readonly secret: string | null;
}

/** An error document, decoded. */
interface ErrorDocument extends ErrorSource {
  readonly kind: 'document';
  readonly status: number;
  readonly body: Buffer;
}

/** OpenRouter's own words, without the key and without names of the key and its account. */
export function withoutKey(words: Buffer, secret: string | null): Buffer {
  const mask = maskOf(secret);
  // Masked twice: removing identities may split a key, and parsing JSON may unescape one.
  return mask.bytes(errorBodyForClient(mask.bytes(words)));
}

/** Passes an error document on, with the gateway's own rule for Retry-After. */
function passOnDocument(context: RequestContext, error: ErrorDocument): void {
  const { status, body, headers, outcome, secret } = error;
  const now = Date.now();
  const waitMs = waitAskedFor(outcome, now);
  const advice = retryAdvice(waitMs, now);
  const passed: OutgoingHttpHeaders = clientResponseHeaders(status, headers);
  delete passed['content-encoding'];
  delete passed['content-length'];
  delete passed['retry-after'];
  const words = withoutKey(body, secret);
  const isLong = waitMs !== undefined && waitMs > LONGEST_RETRY_AFTER_MS;
  answerUpstreamError(context, {
    status,
    body: isLong ? withRetryTime(words, waitMs, advice.sentence) : words,
    headers: { ...passed, ...advice.headers },
  });
}

/** Gives the client an error that was held back. */
export function passOn(context: RequestContext, error: DeferredError): void {
  switch (error.kind) {
    case 'edge':
      answerError(context, edgeError(error.outcome, Date.now()));
      return;
    case 'document':
      passOnDocument(context, error);
      return;
    case 'events': {
      if (context.writer.isStreaming) {
        context.writer.endWithError(withoutKey(error.events, error.secret));
        return;
      }
      const { outcome, secret } = error;
      const document = errorDocument(error.body, context.identity.api === 'messages');
      const headers = { ...error.headers, 'content-type': 'application/json' };
      const { status } = outcome;
      const body = Buffer.from(document);
      passOnDocument(context, { kind: 'document', status, body, headers, outcome, secret });
    }
  }
}
