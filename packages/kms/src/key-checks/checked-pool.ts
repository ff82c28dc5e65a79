import type { KeyMetadata, KeyView, Outcome } from '@openrouter-proxy/kms-protocol';
import type { FreeRequestsBefore } from '../accounts/account-metadata.ts';
import type { Allowances } from '../accounts/accounts.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';

/** Carries out what key checks find. */
export interface KeyCheckEffects {
  /** OpenRouter answered; `before` is what was counted when the check began. */
  checkAnswered(key: PoolKey, facts: KeyMetadata, before: FreeRequestsBefore | null): Promise<void>;
  keyRejected(key: PoolKey, outcome: Extract<Outcome, { kind: 'unauthorized' }>): Promise<void>;
  checkFailed(key: PoolKey, outcome: Outcome): Promise<void>;
}

/** The part of a pool that key checks read and change. */
export interface CheckedPool {
  readonly settings: { readonly keys: readonly PoolKey[]; readonly leaseTtlMs: number };
  readonly byId: ReadonlyMap<string, PoolKey>;
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
  readonly allowances: Allowances;
  readonly reports: KeyCheckEffects;
}

/** Results of the last contacts with OpenRouter, for one key and for every key alike. */
export type ContactFacts = Pick<KeyView, 'check' | 'upstream'>;

/** Receives changes of what the last contact with OpenRouter says of a key. */
export interface ContactListener {
  onContact(key: PoolKey, said: ContactFacts): void;
}

/** Receives charges of a key that are not explained by this service's own requests. */
export interface SpendingListener {
  onUnexplained(key: PoolKey, credits: number): void;
}
