import { KmsError, type NoKeyData } from '@openrouter-proxy/kms-protocol';
import { refusalSentence } from '@openrouter-proxy/kms-protocol/words';

/** The retry time while every key is busy: a lease may end at any moment. */
const BUSY_RETRY_MS = 1_000;

/** The status of a key for a refused request. */
export interface KeyAvailability {
  /** The end of what blocks the key; 0 if nothing does, Infinity if only a person can end it. */
  readonly blockedUntil: number;
  readonly isTried: boolean;
}

/** The reason for a refusal, and the time at which the first key can serve. */
export function refusalOf(keys: readonly KeyAvailability[], now: number): NoKeyData {
  if (keys.length === 0) return { reason: 'no_keys', retryAfterMs: null };
  const returns = keys.map(({ blockedUntil }) => blockedUntil).filter((until) => until > now);
  const soonest = returns.reduce((a, b) => Math.min(a, b), Infinity);
  const untilReturn = soonest === Infinity ? null : soonest - now;
  if (keys.some(({ blockedUntil, isTried }) => blockedUntil <= now && !isTried)) {
    return { reason: 'busy', retryAfterMs: Math.min(BUSY_RETRY_MS, untilReturn ?? Infinity) };
  }
  if (untilReturn !== null) return { reason: 'cooling', retryAfterMs: untilReturn };
  const hasTried = keys.some(({ isTried }) => isTried);
  return { reason: hasTried ? 'exhausted' : 'disabled', retryAfterMs: null };
}

/** The refusal as an error of the protocol. */
export function noKey(data: NoKeyData, now: number): KmsError<'NO_KEY_AVAILABLE'> {
  const { reason, retryAfterMs } = data;
  const when =
    retryAfterMs === null ? '' : ` Try again at ${new Date(now + retryAfterMs).toISOString()}.`;
  return new KmsError('NO_KEY_AVAILABLE', refusalSentence(reason) + when, { data });
}
