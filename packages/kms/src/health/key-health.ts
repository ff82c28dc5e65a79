import type { Cause, KeyCheck, KeyState } from '@openrouter-proxy/kms-protocol';
import { MANAGEMENT_KEY } from '../keys/key-record.ts';
import type { Limit } from '../limits/limit.ts';

/** The health of one key. */
export type KeyHealth = { readonly name: string; readonly since: number } & (
  | { readonly kind: 'serving' }
  /** When it serves free and paid models again; 0 if it serves them now. */
  | { readonly kind: 'limited'; readonly free: number; readonly paid: number }
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string }
  | { readonly kind: 'disabled' }
  /** A management key: OpenRouter serves no requests under it. */
  | { readonly kind: 'management' }
);

/** The facts about a key. `limits` are those of its account. */
export interface KeyKnowledge {
  readonly name: string;
  readonly state: KeyState;
  readonly check: KeyCheck | null;
  readonly limits: readonly Limit[];
}

/** Judges one key. OpenRouter's last verdict takes precedence over the key's state. */
export function keyHealth({ name, state, check, limits }: KeyKnowledge): KeyHealth {
  const refusal = refusalOf(state, check);
  if (refusal !== null) return { name, kind: 'refused', ...refusal };
  if (state.kind === 'disabled') {
    const kind = state.cause.reason === MANAGEMENT_KEY.reason ? 'management' : 'disabled';
    return { name, kind, since: state.since };
  }
  if (state.kind === 'cooling') {
    return { name, kind: 'limited', since: state.since, free: state.until, paid: state.until };
  }
  return limitedBy(name, state, limits);
}

/**
 * OpenRouter's rejection of the key: its last verdict, or one from before the start of the service.
 */
function refusalOf(state: KeyState, check: KeyCheck | null) {
  const setAside = setAsideFor401(state);
  const isRefused = setAside !== null;
  if (state.kind === 'disabled' && !isRefused) return null; // an operator's command takes precedence
  if (check?.verdict === 'refused') {
    const since = isRefused ? Math.min(state.since, check.since) : check.since;
    return { since, status: check.status ?? 401, detail: check.detail };
  }
  if (!isRefused || check?.verdict === 'accepted') return null;
  return { since: state.since, status: 401, detail: setAside.detail };
}

/** The cause of a cooldown or disabling after a 401. */
function setAsideFor401(state: KeyState): Cause | null {
  if (state.kind !== 'disabled' && state.kind !== 'cooling') return null;
  return state.cause.reason === 'unauthorized' ? state.cause : null;
}

function limitedBy(name: string, state: KeyState, limits: readonly Limit[]): KeyHealth {
  const until = (pool: 'free' | 'paid') =>
    Math.max(
      0,
      ...limits.flatMap(({ subject, until }) =>
        subject.scope === 'account' && (subject.pool === pool || subject.pool === 'all')
          ? [until]
          : [],
      ),
    );
  const [free, paid] = [until('free'), until('paid')];
  if (free === 0 && paid === 0) return { name, kind: 'serving', since: state.since };
  const since = Math.max(...limits.map((limit) => limit.since));
  return { name, kind: 'limited', since, free, paid };
}
