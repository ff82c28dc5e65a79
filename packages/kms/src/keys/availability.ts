import type { KeyState } from '@openrouter-proxy/kms-protocol';

/** The usable keys. Valid until a key's state changes, or `nextReturn` passes. */
export interface Availability {
  /** Positions of the usable keys, ascending. */
  readonly usable: readonly number[];
  readonly cooling: number;
  readonly disabled: number;
  /** When the first cooldown ends; null without cooling keys. */
  readonly nextReturn: number | null;
}

/** Groups the keys by their states, which are in the configuration's order. */
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
