import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ranked, type Choice, type Strategy } from './ranking.ts';

const EQUAL = { leases: [], changedAt: [] };

function rank(strategy: Strategy, choice: Partial<Choice>, same = false): number[] {
  const whole = { usable: [], last: -1, loads: EQUAL, random: () => 0, ...choice };
  return [...ranked({ strategy, same, affinity: false }, whole)];
}

describe('round-robin', () => {
  it('begins with the first key', () => {
    expect(rank('round-robin', { usable: [0, 1, 2] })).toEqual([0, 1, 2]);
  });

  it('goes on after the key used last, and round', () => {
    expect(rank('round-robin', { usable: [0, 1, 2, 3], last: 1 })).toEqual([2, 3, 0, 1]);
    expect(rank('round-robin', { usable: [0, 1, 2, 3], last: 3 })).toEqual([0, 1, 2, 3]);
  });

  it('keeps its place when the key used last cannot serve', () => {
    expect(rank('round-robin', { usable: [0, 2, 5], last: 3 })).toEqual([5, 0, 2]);
  });
});

describe('first', () => {
  it('takes the keys in the order of the configuration', () => {
    expect(rank('first', { usable: [1, 4], last: 1 })).toEqual([1, 4]);
  });
});

describe('random', () => {
  it('draws each key with the same probability', () => {
    const drawn = [0, 0, 0, 0];
    for (let part = 0; part < 400; part += 1) {
      const [first = -1] = rank('random', { usable: [0, 1, 2, 3], random: () => part / 400 });
      drawn[first] = (drawn[first] ?? 0) + 1;
    }
    expect(drawn).toEqual([100, 100, 100, 100]);
  });

  it('can bring the keys into any order', () => {
    const orders = new Set<string>();
    for (const a of [0, 0.4, 0.8]) {
      for (const b of [0, 0.6]) {
        const draws = [a, b, 0];
        orders.add(rank('random', { usable: [7, 8, 9], random: () => draws.shift() ?? 0 }).join());
      }
    }
    expect(orders.size).toBe(6);
  });
});

describe('least-busy', () => {
  it('puts the keys with the fewest leases first', () => {
    const loads = { leases: [2, 1, 0], changedAt: [1, 2, 3] };
    expect(rank('least-busy', { usable: [0, 1, 2], loads })).toEqual([2, 1, 0]);
    expect(rank('least-busy', { usable: [0, 1], loads })).toEqual([1, 0]);
  });

  it('puts the key that has rested longest first among equals', () => {
    const loads = { leases: [0, 0, 0], changedAt: [7, 0, 3] };
    expect(rank('least-busy', { usable: [0, 1, 2], loads })).toEqual([1, 2, 0]);
  });
});

describe('same', () => {
  it('tries the key used last before all others', () => {
    expect(rank('first', { usable: [0, 1, 2], last: 2 }, true)).toEqual([2, 0, 1]);
    expect(rank('round-robin', { usable: [0, 1, 2], last: 1 }, true)).toEqual([1, 2, 0]);
  });

  it('leaves it out when it cannot serve', () => {
    expect(rank('round-robin', { usable: [0, 2], last: 1 }, true)).toEqual([2, 0]);
  });
});

describe('every strategy', () => {
  const anyChoice = fc.record({
    strategy: fc.constantFrom<Strategy[]>('round-robin', 'first', 'random', 'least-busy'),
    same: fc.boolean(),
    affinity: fc.constant(false),
    keys: fc.uniqueArray(fc.nat({ max: 60 })),
    last: fc.integer({ min: -1, max: 60 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
  });

  it('names each usable key exactly once', () => {
    fc.assert(
      fc.property(anyChoice, ({ strategy, same, keys, last, seed }) => {
        const usable = keys.toSorted((a, b) => a - b);
        let state = seed;
        const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
        const all = rank(
          strategy,
          { usable, last, loads: { leases: keys, changedAt: [] }, random },
          same,
        );
        expect(all.toSorted((a, b) => a - b)).toEqual(usable);
      }),
    );
  });

  it.each<Strategy>(['round-robin', 'first', 'random'])(
    'looks at few keys for one: %s',
    (strategy) => {
      let looked = 0;
      const usable = new Proxy(
        Array.from({ length: 10_000 }, (_, key) => key),
        {
          get: (list, name): unknown => {
            looked += 1;
            return Reflect.get(list, name);
          },
        },
      );
      const choice = { usable, last: 5_000, loads: EQUAL, random: () => 0.5 };
      ranked({ strategy, same: true, affinity: false }, choice).next();
      ranked({ strategy, same: false, affinity: false }, choice).next();
      expect(looked).toBeLessThan(50);
    },
  );
});
