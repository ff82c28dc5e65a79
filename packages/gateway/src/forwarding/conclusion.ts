import type { Unanswered } from '../answer/attempt-result.ts';
import { passOn } from '../answer/deferred-error.ts';
import type { RequestContext } from '../response/request-context.ts';
import { errorInsteadOf } from '../outcome/key-refusal.ts';
import {
  ANSWERED,
  endWithError,
  type RequestEnd,
  type StopReason,
} from '../request/request-end.ts';
import { failureAnswer } from '../upstream/upstream-failure.ts';

/**
 * Ends a request whose last attempt brought no answer: with OpenRouter's own error, unless it is about
 * a key of the pool, or with an error of the gateway's. `reason`: why the request was cancelled.
 */
export function conclude(
  context: RequestContext,
  last: Unanswered,
  { keyless, reason }: { readonly keyless: boolean; readonly reason: StopReason | null },
): RequestEnd {
  if (last.kind === 'failed') return reason ?? endWithError(failureAnswer(last.failure));
  const ownError = errorInsteadOf(last.outcome, keyless);
  if (ownError !== undefined) return endWithError(ownError);
  passOn(context, last.error);
  return ANSWERED;
}
