import type { KeyCheck, KeyState } from '@openrouter-proxy/kms-protocol';
import type { Limit } from '../limit.ts';

/** Whether a key can serve, for the health of the pool. */
export type KeyHealth = { readonly name: string; readonly since: number } & (
  | { readonly kind: 'serving' }
  /** Until when it serves no free models, and no paid ones; 0: it does. */
  | { readonly kind: 'limited'; readonly free: number; readonly paid: number }
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string }
  | { readonly kind: 'disabled' }
);

/** What is known of a key. `limits`: those of its account. */
export interface KeyKnowledge {
  readonly name: string;
  readonly state: KeyState;
  readonly check: KeyCheck | null;
  readonly limits: readonly Limit[];
}

/** Judges one key. What OpenRouter said last of it comes before how the pool treats it. */
export function keyHealth({ name, state, check, limits }: KeyKnowledge): KeyHealth {
  const isRefusedState = 'cause' in state && state.cause.reason === 'unauthorized';
  if (state.kind === 'disabled' && !isRefusedState) {
    return { name, kind: 'disabled', since: state.since };
  }
  if (check?.verdict === 'refused') {
    const { status, detail } = check;
    const since = isRefusedState ? Math.min(state.since, check.since) : check.since;
    return { name, kind: 'refused', since, status: status ?? 401, detail };
  }
  if (isRefusedState && state.kind !== 'returning' && check?.verdict !== 'accepted') {
    return { name, kind: 'refused', since: state.since, status: 401, detail: state.cause.detail };
  }
  if (state.kind === 'cooling') {
    return { name, kind: 'limited', since: state.since, free: state.until, paid: state.until };
  }
  return limitedBy(name, state, limits);
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
