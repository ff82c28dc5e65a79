import { describe, expect, it } from 'vitest';
import { LeaseTable } from './lease-table.ts';

const KEY = '0123456789ab';

function setUp() {
  const counts: number[] = [];
  const table = new LeaseTable({
    isOfThisLife: (leaseId) => leaseId.startsWith('ours'),
    onInFlight: (_keyId, count) => counts.push(count),
  });
  const take = (leaseId: string, expiresAt: number, now = 0) =>
    table.reserve([{ keyId: KEY, leaseId, maxConcurrency: 2 }], { session: 1, expiresAt }, now);
  return { table, counts, take };
}

describe('the table of leases', () => {
  it('tells of every change of a count', () => {
    const { table, counts, take } = setUp();
    take('ours-1', 10);
    take('ours-2', 20);
    take('ours-3', 20);
    table.release('ours-1', 1);
    table.inFlight(20);
    expect(counts).toEqual([1, 2, 1, 0]);
  });

  it('forgets the oldest of the leases that expired, not the latest', () => {
    const { table } = setUp();
    for (let lease = 0; lease <= 20_000; lease += 1) {
      const candidate = { keyId: KEY, leaseId: `ours-${lease}`, maxConcurrency: null };
      table.reserve([candidate], { session: 1, expiresAt: 10 }, 0);
    }
    expect(table.inFlight(10).get(KEY)).toBe(0);
    expect(table.release('ours-0', 11)).toBe(false);
    expect(table.release('ours-20000', 11)).toBe(true);
  });
});
