import type { KeyView } from './key-view.ts';

/*
 * How a key stands, in one word, for the CLI and the dashboard. It imports types only, so that a
 * browser can load it.
 */

/** How a key stands. Only `serving` means that nothing known speaks against the key. */
export type KeyStanding =
  'serving' | 'returning' | 'limited' | 'unreachable' | 'cooling' | 'disabled' | 'refused';

/** The part of a key's view that decides how it stands. */
export type StandingFacts = Pick<KeyView, 'state' | 'check' | 'upstream' | 'limits'>;

/**
 * What OpenRouter said last of the key comes first, unless an operator disabled it. A key that is
 * available is `unreachable` while OpenRouter cannot be reached, and `limited` if it may not serve
 * every model.
 */
export function standingOf({ state, check, upstream, limits }: StandingFacts): KeyStanding {
  const isOperators = state.kind === 'disabled' && state.cause.source === 'operator';
  if (check?.verdict === 'refused' && !isOperators) return 'refused';
  if (state.kind !== 'available') return state.kind;
  if (upstream !== null) return 'unreachable';
  return limits.length > 0 ? 'limited' : 'serving';
}
