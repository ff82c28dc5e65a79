import { KmsError, type NoKeyData } from '@openrouter-proxy/kms-protocol';

/** How long to wait for a key whose leases are all taken: one of them may end at any moment. */
const BUSY_RETRY_MS = 1_000;

/** How a key stands to a request that found none. */
export interface Standing {
  /** 0: it can serve; Infinity: not for as long as nobody intervenes. */
  readonly blockedUntil: number;
  readonly isTried: boolean;
}

/** Why no key could be given, and when to ask again: when the first key that may serve can. */
export function refusalOf(standings: readonly Standing[], now: number): NoKeyData {
  if (standings.length === 0) return { reason: 'no_keys', retryAfterMs: null };
  const returns = standings.map(({ blockedUntil }) => blockedUntil).filter((until) => until > now);
  const soonest = returns.reduce((a, b) => Math.min(a, b), Infinity);
  const untilReturn = soonest === Infinity ? null : soonest - now;
  if (standings.some(({ blockedUntil, isTried }) => blockedUntil <= now && !isTried)) {
    return { reason: 'busy', retryAfterMs: Math.min(BUSY_RETRY_MS, untilReturn ?? Infinity) };
  }
  if (untilReturn !== null) return { reason: 'cooling', retryAfterMs: untilReturn };
  const hasTried = standings.some(({ isTried }) => isTried);
  return { reason: hasTried ? 'exhausted' : 'disabled', retryAfterMs: null };
}

const REFUSALS: Record<NoKeyData['reason'], string> = {
  no_keys: 'No key is configured: add one to openrouter.keys.',
  busy: 'Every key that can serve has as many requests under way as it may.',
  cooling: 'Every key is cooling down.',
  disabled: 'Every key is disabled: enable one, or add another.',
  account_absent:
    'The account that must serve this request has no key here any more: configure one of its keys.',
  exhausted: 'Every key that could serve this request has been tried.',
  model_limited: 'OpenRouter, or the providers behind it, have no room for this model.',
  upstream_blocked: 'OpenRouter cannot be reached, or blocks this address.',
  keys_refused:
    'OpenRouter refuses every key (401): see `kms keys`, and configure keys that it accepts.',
  state_unavailable: 'Where the state of the keys is kept cannot be reached.',
  queue_full: 'Too many requests wait for a key already.',
};

/** The refusal as the protocol has it. */
export function noKey(data: NoKeyData, now: number): KmsError<'NO_KEY_AVAILABLE'> {
  const { reason, retryAfterMs } = data;
  const when =
    retryAfterMs === null ? '' : ` Try again at ${new Date(now + retryAfterMs).toISOString()}.`;
  return new KmsError('NO_KEY_AVAILABLE', REFUSALS[reason] + when, { data });
}
