import { describe, expect, it } from 'vitest';
import { LeaseTable } from './lease-table.ts';
import { WindowCounts } from './window-counts.ts';

const KEY = '0123456789ab';

const candidate = (leaseId: string, limit: number | null) => ({
  keyId: KEY,
  leaseId,
  slots: [{ id: KEY, limit }],
  windows: [],
});

function setUp() {
  const counts: number[] = [];
  const table = new LeaseTable({
    isOfThisLife: (leaseId) => leaseId.startsWith('ours'),
    onInFlight: (_keyId, count) => counts.push(count),
    windows: new WindowCounts(),
  });
  const take = (leaseId: string, expiresAt: number, now = 0) =>
    table.reserve(
      [candidate(leaseId, 2)],
      { session: 1, expiresAt, model: null, client: null },
      now,
    );
  return { table, counts, take };
}

describe('the table of leases', () => {
  it('tells of every change of a count', () => {
    const { table, counts, take } = setUp();
    take('ours-1', 10);
    take('ours-2', 20);
    take('ours-3', 20);
    table.release('ours-1', 1, false);
    table.inFlight(20);
    expect(counts).toEqual([1, 2, 1, 0]);
  });

  it('forgets the oldest of the leases that expired, not the latest', () => {
    const { table } = setUp();
    for (let lease = 0; lease <= 20_000; lease += 1) {
      const terms = { session: 1, expiresAt: 10, model: null, client: null };
      table.reserve([candidate(`ours-${lease}`, null)], terms, 0);
    }
    expect(table.inFlight(10).get(KEY)).toBe(0);
    expect(table.release('ours-0', 11, false).applied).toBe(false);
    expect(table.release('ours-20000', 11, false).applied).toBe(true);
  });
});
