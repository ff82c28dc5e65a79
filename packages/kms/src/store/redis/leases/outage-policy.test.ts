import { describe, expect, it, test } from 'vitest';
import type { Candidate, Window } from '../../state-store.ts';
import { outageEffect, mayAllocate, Shares } from './outage-policy.ts';

test.each([
  ['static', 0, true],
  ['static', 29_999, true],
  ['static', 30_000, false],
  ['open', 86_400_000, true],
  ['closed', 0, false],
] as const)(
  'whether `%s` allocates leases %i ms after the start of an outage: %s',
  (policy, elapsedMs, may) => {
    expect(mayAllocate(policy, elapsedMs)).toBe(may);
    expect(outageEffect(policy, elapsedMs).startsWith('leases are allocated')).toBe(may);
  },
);

const window: Window = { id: 'a/day', startsAt: 0, endsAt: 9, limit: 20 };
const candidate = (limit: number | null, windows: readonly Window[] = []): Candidate => ({
  ...{ keyId: 'a', leaseId: '1', windows },
  slots: [{ id: 'a', limit }],
});

describe('what a machine may take without asking the others', () => {
  it('is its part of what a key may have, and one lease at least', () => {
    const shares = new Shares(3, () => 0);
    const limitOf = (limit: number | null) => shares.of(candidate(limit)).slots[0]?.limit;
    expect([limitOf(9), limitOf(5), limitOf(2), limitOf(0), limitOf(null)]).toEqual([
      ...[3, 1, 1, 0, null],
    ]);
  });

  it('is its part of what a window had left, however much it has taken since', () => {
    let used = 8;
    const shares = new Shares(3, () => used);
    const limit = () => shares.of(candidate(null, [window])).windows[0]?.limit;
    expect(limit()).toBe(12);
    used = 11;
    expect(limit()).toBe(12);
  });

  it('is everything where it is alone', () => {
    const all = candidate(2, [window]);
    expect(new Shares(1, () => 0).of(all)).toBe(all);
  });
});
