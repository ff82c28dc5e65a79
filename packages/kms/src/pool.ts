import type { Clock } from '@openrouter-proxy/runtime';
import { Allowances, type FreeAllowance } from './accounts.ts';
import type { CooldownPolicy } from './cooldown.ts';
import { Eligibility } from './eligibility.ts';
import { Inspections } from './inspections.ts';
import { KeyPool } from './key-pool.ts';
import { KeyRecords, type PoolKey, type RecordsListener } from './key-records.ts';
import type { LeaseTokens } from './lease-id.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { SpendingWatch } from './ledger/spending-watch.ts';
import type { UsageTotals } from './ledger/usage-totals.ts';
import { Lender } from './lender.ts';
import { LimitBook } from './limit-book.ts';
import { LoadOrder } from './load-order.ts';
import type { RequestPool } from './model-pool.ts';
import { PoolViews } from './pool-views.ts';
import { Reports, type LimitListener } from './reports.ts';
import type { Selection } from './selection.ts';
import { SharedRecords } from './shared-records.ts';
import type { StateStore } from './state-store.ts';

/** Told when a key's charges are not explained by what was spent here. */
export interface SpendingListener {
  onUnexplained(key: PoolKey, credits: number): void;
}

/** What a pool is put together from. */
export interface PoolParts {
  readonly keys: readonly PoolKey[];
  readonly store: StateStore;
  readonly loadOrders: Readonly<Record<RequestPool, LoadOrder>>;
  readonly selection: Selection;
  readonly policy: CooldownPolicy;
  readonly freeAllowance: FreeAllowance;
  readonly leaseTokens: LeaseTokens;
  readonly leaseTtlMs: number;
  readonly ledger: Ledger;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly listener: RecordsListener & LimitListener & SpendingListener;
  readonly clock: Clock;
  /** A number of [0, 1). */
  readonly random: () => number;
}

/** The keys by their number of leases, for each pool of models; `onInFlight` is what a store tells of them. */
export function newLoadOrders(keys: readonly PoolKey[]) {
  const loadOrders: Record<RequestPool, LoadOrder> = {
    free: new LoadOrder(),
    paid: new LoadOrder(),
  };
  const positions = new Map(keys.map(({ id, position }) => [id, position]));
  const onInFlight = (slotId: string, count: number): void => {
    const position = positions.get(slotId);
    if (position === undefined) return;
    loadOrders.free.setLoad(position, count);
    loadOrders.paid.setLoad(position, count);
  };
  return { loadOrders, onInFlight };
}

/** Puts a pool together around its store, with what that has kept. */
export async function openPool(parts: PoolParts): Promise<KeyPool> {
  const { keys, store, clock, policy, listener, random } = parts;
  const records = await KeyRecords.load({ keys, store, clock, policy, listener });
  const shared = new SharedRecords(store, listener);
  const kept = await shared.load(clock.now());
  const limits = new LimitBook(random, kept.limits);
  const allowances = new Allowances(parts.freeAllowance, kept.allowances);
  const eligibility = new Eligibility({ keys, records, limits });
  const common = { ...parts, records, limits, allowances, shared };
  const keyIds = keys.map(({ id }) => id);
  return new KeyPool({
    ...common,
    lender: new Lender({ ...common, eligibility }),
    reports: new Reports(common),
    inspections: new Inspections({ keyIds, clock, random }),
    views: new PoolViews(common),
    onUnexplained: (key, credits) => listener.onUnexplained(key, credits),
  });
}
