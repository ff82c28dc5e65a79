import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOutAt } from './quota-forecast.ts';

const window = { since: 0, resetsAt: 1_000 };

describe('when a quota runs out', () => {
  it('goes on from the mean rate since counting began', () => {
    expect(runsOutAt({ ...window, used: 30, left: 20 }, 300)).toBe(500);
  });

  it('says nothing when it lasts until it begins anew', () => {
    expect(runsOutAt({ ...window, used: 30, left: 70 }, 300)).toBeNull();
  });

  it('says nothing in the first twentieth of the window', () => {
    expect(runsOutAt({ ...window, used: 30, left: 20 }, 49)).toBeNull();
    expect(runsOutAt({ ...window, used: 30, left: 20 }, 50)).not.toBeNull();
  });

  it('says nothing of what is not used', () => {
    expect(runsOutAt({ ...window, used: 0, left: 20 }, 300)).toBeNull();
  });

  it('says nothing of what is used up already', () => {
    expect(runsOutAt({ ...window, used: 50, left: 0 }, 300)).toBeNull();
    expect(runsOutAt({ ...window, used: 50, left: -3 }, 300)).toBeNull();
  });

  it('is never in the past, nor beyond the window', () => {
    const amount = fc.double({ min: -10, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(amount, amount, fc.integer({ min: 0, max: 1_000 }), (used, left, now) => {
        const at = runsOutAt({ ...window, used, left }, now);
        expect(at === null || (at >= now && at < window.resetsAt)).toBe(true);
      }),
    );
  });
});
