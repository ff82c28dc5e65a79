import type { KeyView } from './key-view.ts';

/*
 * The status of a key in one word, for the CLI and the dashboard. It imports types only, so that a
 * browser can load it.
 */

/** The status of a key. `serving` means that no problem is known. */
export type KeyStanding =
  'serving' | 'returning' | 'limited' | 'unreachable' | 'cooling' | 'disabled' | 'refused';

/** The part of a key's view that decides its status. */
export type StandingFacts = Pick<KeyView, 'state' | 'check' | 'upstream' | 'limits'>;

/**
 * OpenRouter's last verdict takes precedence, unless an operator disabled the key. An available key
 * is `unreachable` while OpenRouter cannot be reached, and `limited` if some models have a limit.
 */
export function standingOf({ state, check, upstream, limits }: StandingFacts): KeyStanding {
  const isOperators = state.kind === 'disabled' && state.cause.source === 'operator';
  if (check?.verdict === 'refused' && !isOperators) return 'refused';
  if (state.kind !== 'available') return state.kind;
  if (upstream !== null) return 'unreachable';
  return limits.length > 0 ? 'limited' : 'serving';
}
