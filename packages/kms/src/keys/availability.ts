import type { KeyState } from '@openrouter-proxy/kms-protocol';

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
    if (state.kind === 'available' || state.kind === 'returning') usable.push(position);
    else if (state.kind === 'disabled') disabled += 1;
    else {
      cooling += 1;
      nextReturn = Math.min(nextReturn, state.until);
    }
    position += 1;
  }
  return { usable, cooling, disabled, nextReturn: cooling === 0 ? null : nextReturn };
}
