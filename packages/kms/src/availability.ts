import type { KeyState, NoKeyData } from '@openrouter-proxy/kms-protocol';

/** How long to wait for a key whose leases are all taken: one of them may end at any moment. */
const BUSY_RETRY_MS = 1_000;

/** Which keys can serve. It holds until a key's state changes, or `nextReturn` has come. */
export interface Availability {
  /** The positions of the keys that can, ascending. */
  readonly usable: readonly number[];
  readonly cooling: number;
  readonly disabled: number;
  /** When the first cooldown ends; null if no key cools. */
  readonly nextReturn: number | null;
}

/** Sorts the keys by what they can do, from their settled states in the configuration's order. */
export function availabilityOf(states: Iterable<KeyState>): Availability {
  const usable: number[] = [];
  let [position, cooling, disabled, nextReturn] = [0, 0, 0, Infinity];
  for (const state of states) {
    if (state.kind === 'available') usable.push(position);
    else if (state.kind === 'disabled') disabled += 1;
    else {
      cooling += 1;
      nextReturn = Math.min(nextReturn, state.until);
    }
    position += 1;
  }
  return { usable, cooling, disabled, nextReturn: cooling === 0 ? null : nextReturn };
}

/** A request no key was found for. */
export interface Unserved {
  /** The states of the keys it had not tried yet. */
  readonly untried: Iterable<KeyState>;
  /** Whether it had tried any. */
  readonly hasTried: boolean;
}

/** Why no key could be given, and when to ask again: when the first key that may be free is. */
export function refusalOf(
  { usable, cooling, disabled, nextReturn }: Availability,
  { untried, hasTried }: Unserved,
  now: number,
): NoKeyData {
  const untilReturn = nextReturn === null ? null : Math.max(0, nextReturn - now);
  if (usable.length + cooling + disabled === 0) return { reason: 'no_keys', retryAfterMs: null };
  let best: KeyState['kind'] | undefined;
  for (const { kind } of untried) {
    if (kind === 'available') {
      return { reason: 'busy', retryAfterMs: Math.min(BUSY_RETRY_MS, untilReturn ?? Infinity) };
    }
    if (best !== 'cooling') best = kind;
  }
  if (best === 'cooling') return { reason: 'cooling', retryAfterMs: untilReturn };
  return { reason: hasTried ? 'exhausted' : 'disabled', retryAfterMs: untilReturn };
}
