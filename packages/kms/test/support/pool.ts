import { randomFillSync } from 'node:crypto';
import type { KeyState, Outcome } from '@openrouter-proxy/kms-protocol';
import { KeyPool } from '../../src/key-pool.ts';
import {
  KeyRecords,
  poolKeys,
  type ConfiguredKey,
  type RecordsListener,
} from '../../src/key-records.ts';
import { LeaseTokens } from '../../src/lease-id.ts';
import type { LeaseTableOptions } from '../../src/lease-table.ts';
import { LoadOrder } from '../../src/load-order.ts';
import type { Selection } from '../../src/selection.ts';
import type { StateStore } from '../../src/state-store.ts';
import { ManualClock } from './manual-clock.ts';

export const LEASE_TTL_MS = 660_000;
export const RATE_LIMIT_COOLDOWN_MS = 3_600_000;

export interface PoolSetUp {
  keys: readonly ConfiguredKey[];
  openStore: (options: LeaseTableOptions) => StateStore;
  selection?: Selection;
  clock?: ManualClock;
  random?: () => number;
}

/** A pool on a clock of its own, and what it has told its listener. */
export async function startPool(setUp: PoolSetUp) {
  const { clock = new ManualClock(), random = Math.random } = setUp;
  const selection = setUp.selection ?? { strategy: 'round-robin', same: false };
  const keys = poolKeys(setUp.keys);
  const loadOrder = new LoadOrder();
  const leaseTokens = new LeaseTokens((bytes) => randomFillSync(bytes));
  const positions = new Map(keys.map(({ id, position }) => [id, position]));
  const store = setUp.openStore({
    isOfThisLife: (leaseId) => leaseTokens.isOfThisLife(leaseId),
    onInFlight: (keyId, count) => loadOrder.setLoad(positions.get(keyId) ?? NaN, count),
  });
  const told: (string | [name: string, before: KeyState, after: KeyState])[] = [];
  const listener: RecordsListener = {
    onChange: ({ name }, before, after) => told.push([name, before, after]),
    onStoreFailed: () => told.push('store failed'),
    onStoreRecovered: () => told.push('store recovered'),
  };
  const policy = { rateLimitCooldownMs: RATE_LIMIT_COOLDOWN_MS };
  const records = await KeyRecords.load({ keys, store, clock, policy, listener });
  const leaseTtlMs = LEASE_TTL_MS;
  const parts = { keys, records, store, selection, loadOrder, leaseTokens, leaseTtlMs };
  return { pool: new KeyPool({ ...parts, clock, random }), store, keys, clock, told };
}

export const SUCCESS: Outcome = { kind: 'success', status: 200 };

/** A refusal that says how long it lasts, or does not. */
export function limited(seconds?: number): Outcome {
  const value = `${seconds}`;
  const evidence = [{ field: 'retry-after', from: 'header', value } as const];
  const detail = 'slow down';
  return { kind: 'rate_limited', status: 429, evidence: seconds ? evidence : [], detail };
}

export const UNAUTHORIZED: Outcome = {
  ...{ kind: 'unauthorized', status: 401, evidence: [], detail: 'User not found.' },
};
