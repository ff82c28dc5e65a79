import type { KeyView } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import { Allowances, type FreeAllowance } from './accounts.ts';
import type { CooldownPolicy } from './cooldown.ts';
import { Eligibility } from './eligibility.ts';
import { CircuitAdmission } from './circuit-admission.ts';
import type { Circuits } from './circuits.ts';
import type { Contacts } from './health/contacts.ts';
import type { InspectionListener } from './first-round.ts';
import { KeyRecords, type PoolKey, type RecordsListener } from './key-records.ts';
import type { LeaseTokens } from './lease-id.ts';
import type { LeaseLoads } from './lease-loads.ts';
import type { KeyHistory } from './ledger/key-history.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { SpendingWatch } from './ledger/spending-watch.ts';
import type { UsageTotals } from './ledger/usage-totals.ts';
import { Lender } from './lender.ts';
import type { LimitBook } from './limit-book.ts';
import { PoolViews } from './pool-views.ts';
import type { LimitListener } from './limit-listener.ts';
import { Reports } from './reports.ts';
import type { Selection } from './selection.ts';
import type { SharedRecords, SharedState } from './shared-records.ts';
import type { StateStore } from './state-store.ts';

/** Told when a key's charges are not explained by what was spent here. */
export interface SpendingListener {
  onUnexplained(key: PoolKey, credits: number): void;
}

/** What the last contacts with OpenRouter say of a key, and of every key alike. */
export type ContactFacts = Pick<KeyView, 'check' | 'upstream'>;

/** Told when the last contact with OpenRouter says something else of a key than the one before. */
export interface ContactListener {
  onContact(key: PoolKey, said: ContactFacts): void;
}

/** Told of everything that happens in a pool. */
export type PoolListener = RecordsListener &
  LimitListener &
  SpendingListener &
  InspectionListener &
  ContactListener;

/** What of a pool the configuration says: it may change while the pool is in use. */
export interface PoolSettings {
  readonly keys: readonly PoolKey[];
  readonly selection: Selection;
  readonly policy: CooldownPolicy;
  readonly freeAllowance: FreeAllowance;
  readonly leaseTtlMs: number;
}

/** What a pool is put together from for good. */
export interface PoolParts {
  readonly store: StateStore;
  /** What the store tells of leases. */
  readonly loads: LeaseLoads;
  readonly leaseTokens: LeaseTokens;
  readonly ledger: Ledger;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly history: KeyHistory;
  readonly listener: PoolListener;
  readonly clock: Clock;
  /** A number of [0, 1). */
  readonly random: () => number;
}

/** What keys share, and what outlives a change of the settings. */
export interface SharedParts {
  readonly contacts: Contacts;
  readonly records: SharedRecords;
  readonly limits: LimitBook;
  readonly circuits: Circuits;
  readonly allowances: SharedState['allowances'];
}

/** The pool as the settings have it: all of it is put together anew when they change. */
export interface PoolCore {
  readonly settings: PoolSettings;
  readonly byId: ReadonlyMap<string, PoolKey>;
  readonly records: KeyRecords;
  readonly limits: LimitBook;
  readonly allowances: Allowances;
  readonly admission: CircuitAdmission;
  readonly lender: Lender;
  readonly reports: Reports;
  readonly views: PoolViews;
}

/** Puts the core together. What is known of keys, `before` or kept by the store, stays known. */
export async function openCore(
  settings: PoolSettings,
  parts: PoolParts,
  { contacts, records: sharedRecords, limits, circuits, allowances: learnt }: SharedParts,
  before?: PoolCore,
): Promise<PoolCore> {
  const { keys, policy, freeAllowance } = settings;
  const { store, loads, clock, listener } = parts;
  const loaded = { keys, store, clock, policy, listener };
  const records = await KeyRecords.load(loaded, before?.records);
  const allowances = new Allowances(freeAllowance, learnt);
  const eligibility = new Eligibility({ keys, records, limits });
  const lasting = { contacts, limits, circuits, shared: sharedRecords };
  const common = { ...parts, ...settings, ...lasting, records, allowances };
  const admission = new CircuitAdmission(lasting);
  const loadOrders = loads.orderOf(keys);
  return {
    settings,
    byId: new Map(keys.map((key) => [key.id, key])),
    records,
    limits,
    allowances,
    admission,
    lender: new Lender({ ...common, admission, eligibility, loadOrders }),
    reports: new Reports(common),
    views: new PoolViews(common),
  };
}
