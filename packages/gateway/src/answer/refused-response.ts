import type { IncomingMessage } from 'node:http';
import { deferredDocument } from './deferred-error.ts';
import type { AttemptResult } from '../outcome/attempt-result.ts';
import { readResponseBody } from '../upstream/response-body.ts';
import { decodeBody } from '../upstream/decoding.ts';
import { heldPage, isOfEdge } from './held-page.ts';
import { classifyFailure } from '../outcome/outcome.ts';
import { UpstreamFailure } from '../upstream/upstream-failure.ts';

const MAX_BODY = 1024 * 1024;
const BODY_TIMEOUT_MS = 10_000;
const OPENING_BRACE = 0x7b;

/** What a refusal is read under. */
export interface RefusalOptions {
  /** The key the request was sent under; nothing of it is left in the refusal. */
  secret: string | null;
  /** How long its body may take, in milliseconds; never more than ten seconds. */
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Reads a response of status 400 or more to its end and classifies it; a body that cannot be decoded,
 * and is no plain JSON, counts as empty. Rejects with an UpstreamFailure when it breaks off.
 */
export async function readRefusal(
  response: IncomingMessage,
  { secret, timeoutMs, signal }: RefusalOptions,
): Promise<AttemptResult> {
  const { statusCode: status = 502, headers } = response;
  const idleMs = Math.min(timeoutMs, BODY_TIMEOUT_MS);
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
  const held = isOfEdge(outcome)
    ? heldPage(outcome)
    : deferredDocument(response, body, { secret, outcome });
  return { kind: 'refused', outcome, held };
}

/** A body that is not coded as it says: JSON may stand as it is, anything else is no text. */
const unlabelled = (body: Buffer) => (body[0] === OPENING_BRACE ? body : Buffer.alloc(0));

function tooLong(): UpstreamFailure {
  return new UpstreamFailure('truncated', 'the body of an error answer did not end in time');
}
