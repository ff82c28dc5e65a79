/** The order in which keys are tried. */
export type Strategy = 'round-robin' | 'first' | 'random' | 'least-busy';

/** How a key is chosen. */
export interface Selection {
  readonly strategy: Strategy;
  /** Stay on the key that was used last for as long as it can serve. */
  readonly same: boolean;
  /** Keep each conversation on one account while that can serve. */
  readonly affinity: boolean;
}

/** What a choice is made from. A key is its position in the configuration. */
export interface Choice {
  /** The keys that can serve, ascending. */
  readonly usable: readonly number[];
  /** The key that was used last; -1: none was. */
  readonly last: number;
  /** The usable keys, those with the fewest leases first. */
  readonly byLoad: Iterable<number>;
  /** A number of [0, 1), for `random`. */
  readonly random: () => number;
}

/**
 * Every usable key once, the one to be tried first at the front. Lazy: a step costs the same in a
 * pool of ten keys as in one of ten thousand, and nearly every lease takes one step.
 */
export function* ranked(selection: Selection, choice: Choice): Generator<number, void, undefined> {
  const { usable, last } = choice;
  const preferred = selection.same && usable[firstAfter(usable, last - 1)] === last ? last : -1;
  if (preferred >= 0) yield preferred;
  for (const key of order(selection.strategy, choice)) if (key !== preferred) yield key;
}

function order(strategy: Strategy, { usable, last, byLoad, random }: Choice): Iterable<number> {
  switch (strategy) {
    case 'round-robin':
      return rotated(usable, firstAfter(usable, last));
    case 'first':
      return usable;
    case 'random':
      return shuffled(usable, random);
    case 'least-busy':
      return byLoad;
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

/** Fisher and Yates' shuffle, of which only the swaps made so far are kept. */
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
