import { leastBusy } from './least-busy.ts';
import type { KeyLoads } from './lease-loads.ts';

/** The order in which keys are tried. */
export type Strategy = 'round-robin' | 'first' | 'random' | 'least-busy';

/** How a key is chosen. */
export interface Selection {
  readonly strategy: Strategy;
  /** Stay on the last used key while it can serve. */
  readonly same: boolean;
  /** Keep each conversation on one account while that can serve. */
  readonly affinity: boolean;
}

/** The input of a ranking. A key is its position in the configuration. */
export interface Choice {
  /** Keys that can serve, ascending. */
  readonly usable: readonly number[];
  /** The last used key; -1 before the first use. */
  readonly last: number;
  readonly loads: KeyLoads;
  /** Returns a number in [0, 1), for `random`. */
  readonly random: () => number;
}

/**
 * Yields every usable key once, the best first. It changes nothing. It is lazy because nearly every
 * lease needs one key, and a pool may have ten thousand.
 */
export function* ranked(selection: Selection, choice: Choice): Generator<number, void, undefined> {
  const { usable, last } = choice;
  const preferred = selection.same && usable[firstAfter(usable, last - 1)] === last ? last : -1;
  if (preferred >= 0) yield preferred;
  for (const key of order(selection.strategy, choice)) if (key !== preferred) yield key;
}

function order(strategy: Strategy, { usable, last, loads, random }: Choice): Iterable<number> {
  switch (strategy) {
    case 'round-robin':
      return rotated(usable, firstAfter(usable, last));
    case 'first':
      return usable;
    case 'random':
      return shuffled(usable, random);
    case 'least-busy':
      return leastBusy(usable, loads);
  }
}

/** The index of the first element greater than `value` in an ascending list; its length if none is. */
function firstAfter(ascending: readonly number[], value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? Infinity) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function* rotated(list: readonly number[], start: number): Generator<number, void, undefined> {
  for (let step = 0; step < list.length; step += 1) {
    const element = list[(start + step) % list.length];
    if (element !== undefined) yield element;
  }
}

/** The Fisher–Yates shuffle. It stores only the swaps made so far. */
function* shuffled(
  list: readonly number[],
  random: () => number,
): Generator<number, void, undefined> {
  const moved = new Map<number, number>();
  for (let left = list.length; left > 0; left -= 1) {
    const drawn = Math.floor(random() * left);
    const element = list[moved.get(drawn) ?? drawn];
    moved.set(drawn, moved.get(left - 1) ?? left - 1);
    if (element !== undefined) yield element;
  }
}
