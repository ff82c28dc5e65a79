import type { IncomingMessage } from 'node:http';
import type { AnswerOptions, AttemptResult } from './attempt-result.ts';
import { readResponseBody } from '../upstream/response-body.ts';
import { decodeBody } from '../upstream/decoding.ts';
import { isEdgeRefusal } from './edge-page.ts';
import { classifyFailure } from '../outcome/outcome.ts';
import { UpstreamFailure } from '../upstream/upstream-failure.ts';

const MAX_BODY = 1024 * 1024;
const BODY_TIMEOUT_MS = 10_000;
const OPENING_BRACE = 0x7b;

/**
 * Reads a response of status 400 or more to its end and classifies it; a body that cannot be decoded,
 * and is no plain JSON, counts as empty. Rejects with an UpstreamFailure when it breaks off.
 */
export async function readRefusal(
  response: IncomingMessage,
  { secret, forwarding, cancellation: { signal } }: AnswerOptions,
): Promise<AttemptResult> {
  const { statusCode: status = 502, headers } = response;
  const idleMs = Math.min(forwarding.idleTimeoutMs, BODY_TIMEOUT_MS);
  const late = AbortSignal.timeout(idleMs);
  const { chunks, whole } = await readResponseBody(response, {
    maxBytes: MAX_BODY,
    idleMs,
    signal: AbortSignal.any([signal, late]),
  }).catch((error: unknown) => {
    throw late.aborted && !signal.aborted ? tooLong() : error;
  });
  if (!whole) {
    response.destroy();
    throw new UpstreamFailure('truncated', `an error body of more than ${MAX_BODY} bytes`);
  }
  const received = Buffer.concat(chunks);
  const body = decodeBody(received, headers, MAX_BODY) ?? unlabelled(received);
  const outcome = classifyFailure({ status, headers, body: body.toString('utf8') });
  const error = isEdgeRefusal(outcome)
    ? ({ kind: 'edge', outcome } as const)
    : ({ kind: 'document', status, body, headers, outcome, secret } as const);
  return { kind: 'refused', outcome, error };
}

/** A body that is not coded as it says: JSON may stand as it is, anything else is no text. */
const unlabelled = (body: Buffer) => (body[0] === OPENING_BRACE ? body : Buffer.alloc(0));

function tooLong(): UpstreamFailure {
  return new UpstreamFailure('truncated', 'the body of an error answer did not end in time');
}
