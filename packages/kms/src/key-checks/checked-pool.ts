import type { KeyMetadata, KeyView, Outcome } from '@openrouter-proxy/kms-protocol';
import type { FreeRequestsBefore } from '../accounts/account-metadata.ts';
import type { Allowances } from '../accounts/accounts.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';

/** Applies the results of key checks. */
export interface KeyCheckEffects {
  /** OpenRouter answered. `before` is the count of free requests when the check began. */
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

/** The results of the last contacts with OpenRouter, for one key and for all keys. */
export type ContactFacts = Pick<KeyView, 'check' | 'upstream'>;

/** Called when the last contact with OpenRouter changes the verdict on a key. */
export interface ContactListener {
  onContact(key: PoolKey, said: ContactFacts): void;
}

/** Called when OpenRouter charged a key for requests that this service did not send. */
export interface SpendingListener {
  onUnexplained(key: PoolKey, credits: number): void;
}
