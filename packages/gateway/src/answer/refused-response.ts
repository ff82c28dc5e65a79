import { classifyFailure } from '../outcome/outcome.ts';
import { decodeBody } from '../upstream/decoding.ts';
import { readResponseBody } from '../upstream/response-body.ts';
import { UpstreamFailure } from '../upstream/upstream-failure.ts';
import type { UpstreamResponse } from '../upstream/upstream.ts';
import { failedAttempt, type AnswerOptions, type AttemptResult } from './attempt-result.ts';
import { isEdgeRefusal } from './edge-page.ts';

const MAX_BODY = 1024 * 1024;
/** How long the body of an error may take, from its first byte to its last. */
const BODY_TIMEOUT_MS = 10_000;
const OPENING_BRACE = 0x7b;

/**
 * Reads a response of status 400 or more to its end and classifies it. A body that cannot be decoded,
 * and is no plain JSON, counts as empty.
 */
export async function readRefusal(
  response: UpstreamResponse,
  { secret, forwarding, cancellation: { signal } }: AnswerOptions,
): Promise<AttemptResult> {
  const { statusCode: status, headers } = response;
  const read = await readResponseBody(response, {
    maxBytes: MAX_BODY,
    idleMs: forwarding.idleTimeoutMs,
    totalMs: BODY_TIMEOUT_MS,
    signal,
  });
  if (read instanceof UpstreamFailure) {
    const isSilent = read.kind === 'timeout'; // the head has come: it is the body that is cut short
    return failedAttempt(isSilent ? new UpstreamFailure('truncated', read.message) : read);
  }
  if (!read.whole) {
    response.destroy();
    const message = `an error body of more than ${MAX_BODY} bytes`;
    return failedAttempt(new UpstreamFailure('truncated', message));
  }
  const received = Buffer.concat(read.chunks);
  const body = decodeBody(received, headers, MAX_BODY) ?? asPlainJson(received);
  const outcome = classifyFailure({ status, headers, body: body.toString('utf8') });
  const error = isEdgeRefusal(outcome)
    ? ({ kind: 'edge', outcome } as const)
    : ({ kind: 'document', status, body, headers, outcome, secret } as const);
  return { kind: 'refused', outcome, error };
}

/** A body whose content coding is wrong: it may be plain JSON all the same, anything else is no text. */
const asPlainJson = (body: Buffer) => (body[0] === OPENING_BRACE ? body : Buffer.alloc(0));
