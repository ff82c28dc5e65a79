import type { Clock } from '@openrouter-proxy/runtime';
import { Allowances, type FreeAllowance } from '../accounts/accounts.ts';
import type { CooldownPolicy } from '../limits/cooldown.ts';
import { Eligibility } from '../selection/eligibility.ts';
import { CircuitAdmission } from '../circuits/circuit-admission.ts';
import type { Circuits } from '../circuits/circuits.ts';
import type { Contacts } from '../health/contacts.ts';
import type { ContactListener, SpendingListener } from '../key-checks/checked-pool.ts';
import type { CheckListener } from '../key-checks/first-round.ts';
import { KeyRecords, type PoolKey, type RecordsListener } from '../keys/key-records.ts';
import type { LeaseTokens } from '../leasing/lease-id.ts';
import type { LeaseLoads } from '../selection/lease-loads.ts';
import type { KeyHistory } from '../accounting/key-history.ts';
import type { Ledger } from '../accounting/ledger.ts';
import type { SpendingWatch } from '../usage/spending-watch.ts';
import type { UsageTotals } from '../usage/usage-totals.ts';
import { LeaseAllocator } from '../leasing/lease-allocator.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import { PoolViews } from './pool-views.ts';
import type { LimitListener } from '../keys/limit-listener.ts';
import { Reports } from './reports.ts';
import type { Selection } from '../selection/ranking.ts';
import type { SharedRecords, SharedState } from '../store/shared-records.ts';
import type { StateStore } from '../store/state-store.ts';

/** Receives everything that happens in a pool. */
export type PoolListener = RecordsListener &
  LimitListener &
  SpendingListener &
  CheckListener &
  ContactListener;

/** The settings of a pool. They may change while the pool is in use. */
export interface PoolSettings {
  readonly keys: readonly PoolKey[];
  readonly selection: Selection;
  readonly policy: CooldownPolicy;
  readonly freeAllowance: FreeAllowance;
  readonly leaseTtlMs: number;
}

/** The shared collaborators of a pool. */
export interface PoolDeps {
  readonly store: StateStore;
  /** Counts leases as the store reports them. */
  readonly loads: LeaseLoads;
  readonly leaseTokens: LeaseTokens;
  readonly ledger: Ledger;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly history: KeyHistory;
  readonly listener: PoolListener;
  readonly clock: Clock;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
}

/** The state that keys share. It outlives a change of the settings. */
export interface SharedDeps {
  readonly contacts: Contacts;
  readonly records: SharedRecords;
  readonly limits: LimitRegistry;
  readonly circuits: Circuits;
  readonly allowances: SharedState['allowances'];
}

/** The pool for one version of the settings: a change builds another one. */
export interface PoolCore {
  readonly settings: PoolSettings;
  readonly byId: ReadonlyMap<string, PoolKey>;
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
  readonly allowances: Allowances;
  readonly admission: CircuitAdmission;
  readonly allocator: LeaseAllocator;
  readonly reports: Reports;
  readonly views: PoolViews;
}

/** Builds the core. Records of `before` and of the store stay known. */
export async function openCore(
  settings: PoolSettings,
  parts: PoolDeps,
  { contacts, records: sharedRecords, limits, circuits, allowances: learnt }: SharedDeps,
  before?: PoolCore,
): Promise<PoolCore> {
  const { keys, policy, freeAllowance } = settings;
  const { store, loads, clock, listener } = parts;
  const loaded = { keys, store, clock, policy, listener };
  const records = await KeyRecords.load(loaded, before?.records);
  const allowances = new Allowances(freeAllowance, learnt);
  const eligibility = new Eligibility({ keys, records, limits });
  const shared = { contacts, limits, circuits, shared: sharedRecords };
  const common = { ...parts, ...settings, ...shared, records, allowances };
  const admission = new CircuitAdmission(shared);
  return {
    settings,
    byId: new Map(keys.map((key) => [key.id, key])),
    records,
    limits,
    allowances,
    admission,
    allocator: new LeaseAllocator({ ...common, admission, eligibility, loads: loads.of(keys) }),
    reports: new Reports(common),
    views: new PoolViews(common),
  };
}
