import type { Clock } from '@openrouter-proxy/runtime';
import type { KeyHistory } from '../accounting/key-history.ts';
import type { Allowances } from '../accounts/accounts.ts';
import type { Circuits } from '../circuits/circuits.ts';
import type { Contacts } from '../health/contacts.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import type { LimitListener } from '../keys/limit-listener.ts';
import type { CooldownPolicy } from '../limits/cooldown.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import type { SharedRecords } from '../store/shared-records.ts';
import type { StateStore } from '../store/state-store.ts';
import type { SpendingWatch } from '../usage/spending-watch.ts';
import type { UsageTotals } from '../usage/usage-totals.ts';

/** The objects of a pool that its parts work with. Each part picks what it needs. */
export interface Collaborators {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
  readonly circuits: Circuits;
  readonly contacts: Contacts;
  readonly allowances: Allowances;
  readonly policy: CooldownPolicy;
  readonly shared: SharedRecords;
  readonly store: StateStore;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly history: KeyHistory;
  readonly listener: LimitListener;
  readonly clock: Clock;
}
