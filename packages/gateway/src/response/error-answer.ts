import type { OutgoingHttpHeaders } from 'node:http';
import { errorEvent } from '../errors/error-event.ts';
import { errorBody, GatewayError } from '../errors/gateway-error.ts';
import { NO_RETRY, retryAdvice } from '../errors/retry-advice.ts';
import type { RequestEnd } from '../request/request-end.ts';
import type { RequestContext } from './request-context.ts';

/** Errors that a client cannot cure by repeating the request. */
const USELESS_TO_REPEAT: ReadonlySet<string> = new Set(['no_usable_key', 'too_many_wrong_keys']);

/**
 * Turns the end of the work into an answer, unless the client has one. The one place where a failure
 * becomes an answer; once the head of another answer has been sent, it can only break the connection.
 */
export function answerEnd(context: RequestContext, end: RequestEnd): void {
  if (end.kind !== 'error') return;
  const { writer, progress } = context;
  if (!writer.response.headersSent || writer.hasBegun) {
    answerError(context, end.error);
    return;
  }
  progress.failed(end.error);
  writer.response.destroy();
}

/**
 * Answers with an error of the gateway's own, in the API's shape: as a document, or at the end of an
 * answer that has begun. `sequenceNumber` is that of the next event of the stream.
 */
export function answerError(
  context: RequestContext,
  error: GatewayError,
  sequenceNumber = 0,
): void {
  const { writer, progress } = context;
  progress.failed(error);
  const document = ownErrorBody(context, error);
  if (writer.hasBegun) {
    endWithDocument(context, document, sequenceNumber);
    return;
  }
  const advice = retryAdvice(error.retryAfterMs, Date.now()).headers;
  const headers = { 'cache-control': 'no-store', ...advice };
  writer.answerJson(error.status, document, { ...noRetry(context, headers), ...headers });
}

/** An error document of the upstream's, ready for the client. */
export interface UpstreamErrorDocument {
  readonly status: number;
  readonly body: Buffer;
  readonly headers: OutgoingHttpHeaders;
}

/** Passes on an error document of the upstream's: as the answer, or at the end of one that has begun. */
export function answerUpstreamError(context: RequestContext, error: UpstreamErrorDocument): void {
  const { status, body, headers } = error;
  const { writer } = context;
  if (!writer.hasBegun) {
    writer.answer(status, body, { ...noRetry(context, headers), ...headers });
    return;
  }
  endWithDocument(context, parseObject(body) ?? ownErrorBody(context, EMPTY_ERROR), 0);
}

function ownErrorBody({ identity }: RequestContext, error: GatewayError): Record<string, unknown> {
  return errorBody(error, {
    requestId: identity.id,
    anthropicShape: identity.api === 'messages',
    now: Date.now(),
  });
}

/** Ends an answer that has begun: a JSON document with the error itself, a stream with an error event. */
function endWithDocument(
  { identity: { id: requestId, api }, progress, writer }: RequestContext,
  document: Record<string, unknown>,
  sequenceNumber: number,
): void {
  if (api === null) return;
  const { model } = progress.known;
  writer.endWithError(
    writer.isDocument
      ? Buffer.from(JSON.stringify(document))
      : errorEvent(api, document, { requestId, model, sequenceNumber, now: Date.now() }),
  );
}

/** Tells clients that repeat failed requests by themselves not to repeat one that was repeated here, or is hopeless. */
function noRetry({ progress }: RequestContext, headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const { attempts, failure } = progress.known;
  const isUseless = attempts > 1 || (failure !== null && USELESS_TO_REPEAT.has(failure.code));
  return isUseless && headers['retry-after'] === undefined ? NO_RETRY : {};
}

const EMPTY_ERROR = new GatewayError(
  'upstream_failed',
  'OpenRouter returned an empty error response.',
);

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // an HTML page of the edge fits into no event
  }
}
