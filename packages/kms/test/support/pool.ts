import { randomFillSync } from 'node:crypto';
import type { KeyState, Outcome } from '@openrouter-proxy/kms-protocol';
import { poolKeys, type ConfiguredKey } from '../../src/keys/key-records.ts';
import { LeaseTokens } from '../../src/leasing/lease-id.ts';
import { subjectId } from '../../src/limits/limit.ts';
import { KeyHistory } from '../../src/accounting/key-history.ts';
import { Ledger } from '../../src/accounting/ledger.ts';
import { SpendingWatch } from '../../src/usage/spending-watch.ts';
import { UsageTotals } from '../../src/usage/usage-totals.ts';
import { LeaseLoads } from '../../src/selection/lease-loads.ts';
import type { PoolListener, PoolSettings } from '../../src/pool/pool-core.ts';
import { openPool } from '../../src/pool/pool.ts';
import type { Selection } from '../../src/selection/ranking.ts';
import type { StateStore } from '../../src/store/state-store.ts';
import { memoryUsageFile } from './memory-usage-file.ts';
import { ManualClock } from './manual-clock.ts';
import type { MemoryStoreOptions } from './memory-store.ts';

export const LEASE_TTL_MS = 660_000;
const RATE_LIMIT_COOLDOWN_MS = 3_600_000;

export interface PoolSetUp {
  keys: readonly ConfiguredKey[];
  openStore: (options: MemoryStoreOptions) => StateStore;
  selection?: Partial<Selection>;
  clock?: ManualClock;
  random?: () => number;
  freeAllowance?: { minute: number; day: number | null };
}

/** A pool on a clock of its own, and what it has told its listener. */
export async function startPool(setUp: PoolSetUp) {
  const { clock = new ManualClock(), random = Math.random } = setUp;
  const selection: Selection = {
    strategy: 'round-robin',
    same: false,
    affinity: false,
    ...setUp.selection,
  };
  const keys = poolKeys(setUp.keys);
  const loads = new LeaseLoads();
  const leaseTokens = new LeaseTokens((bytes) => randomFillSync(bytes));
  const store = setUp.openStore({
    isOfThisLife: (leaseId) => leaseTokens.isOfThisLife(leaseId),
    onInFlight: loads.onInFlight,
  });
  const told: (string | [name: string, before: KeyState, after: KeyState])[] = [];
  const listener: PoolListener = {
    onChange: ({ name }, before, after) => told.push([name, before, after]),
    onLimit: ({ subject }) => told.push(`limited ${subjectId(subject)}`),
    onShared: (account, keys) => told.push(`${account}: ${keys.length} keys`),
    onLifted: (subject) => told.push(`lifted ${subjectId(subject)}`),
    onUnexplained: ({ name }, credits) => told.push(`${name}: ${credits} unexplained`),
    onFirstRound: ({ known, refused, unanswered }) =>
      told.push(`${known} known, ${refused} refused, ${unanswered} unanswered`),
    onContact: () => undefined,
    onStoreFailed: () => told.push('store failed'),
    onStoreRecovered: () => told.push('store recovered'),
  };
  const ledger = new Ledger();
  const usageFile = memoryUsageFile();
  const settings: PoolSettings = {
    keys,
    selection,
    policy: { rateLimitCooldownMs: RATE_LIMIT_COOLDOWN_MS },
    freeAllowance: setUp.freeAllowance ?? { minute: 20, day: null },
    leaseTtlMs: LEASE_TTL_MS,
  };
  const pool = await openPool(settings, {
    store,
    loads,
    leaseTokens,
    ledger,
    usage: new UsageTotals(usageFile, clock.now(), () => told.push('usage not saved')),
    spending: new SpendingWatch(usageFile),
    history: new KeyHistory(),
    listener,
    clock,
    random,
  });
  return { pool, store, keys, clock, told, ledger, settings };
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
