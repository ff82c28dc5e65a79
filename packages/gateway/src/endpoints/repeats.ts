import type { OutcomeKind } from '@openrouter-proxy/kms-protocol';
import type { RepeatPolicy } from './endpoint.ts';

/** What is known of an attempt that failed. */
export interface FailedAttempt {
  outcome: OutcomeKind;
  /** Nothing of the request reached OpenRouter. */
  isUnsent: boolean;
  /** The status of the answer, null if there was none; for an error within a 200 it is 200. */
  status: number | null;
  /** The client has content of the answer. */
  hasContent: boolean;
}

/** Refusals with 400, 403 or 404 for the sake of the key or its account. */
const OF_KEY: ReadonlySet<OutcomeKind> = new Set([
  'key_limit_reached',
  'budget_exhausted',
  'account_policy',
]);
/** The statuses of a refusal before any work: no key, no credits, a rate limit. */
const BEFORE_WORK: ReadonlySet<number> = new Set([401, 402, 429]);

/** Whether OpenRouter certainly did nothing for a request, so that sending it again cannot do it twice. */
function isCertainlyNotTaken({ outcome, isUnsent, status }: FailedAttempt): boolean {
  if (isUnsent) return true;
  if (status === null || status < 400 || status >= 500) return false;
  return BEFORE_WORK.has(status) || OF_KEY.has(outcome);
}

/** Whether a request may be sent again after an attempt that failed. */
export function mayRepeat(policy: RepeatPolicy, attempt: FailedAttempt): boolean {
  if (attempt.hasContent) return false;
  switch (policy) {
    case 'always':
    case 'before-content':
      return true;
    case 'not-taken':
      return isCertainlyNotTaken(attempt);
    case 'never':
      return false;
  }
}
