import type { HeldLease } from '@openrouter-proxy/kms-protocol';
import type { KeyRecord } from './key-state.ts';

/** A key a lease may be taken on. */
export interface Candidate {
  readonly keyId: string;
  /** The id of the lease, should it be this key's. */
  readonly leaseId: string;
  /** The most leases the key may have at once; null: any number. */
  readonly maxConcurrency: number | null;
}

/** What a lease is, whichever key it is taken on. */
export interface LeaseTerms {
  /** The session it belongs to. */
  readonly session: number;
  /** When it ends by itself, milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Where the state of the pool is kept: what is known of each key, durably, and the leases in force.
 * It counts and keeps; what the counts and records mean is decided elsewhere. A lease that has
 * expired counts no more from that instant on, whether or not anything has happened since.
 */
export interface StateStore {
  /** What the configuration calls it. */
  readonly backend: string;

  /** The records of these keys, as far as there are any. Forgets keys that were not among them for long. */
  load(keyIds: readonly string[], now: number): Promise<ReadonlyMap<string, KeyRecord>>;

  /** Keeps a record. It is durable when this resolves; when it rejects the one before it still stands. */
  save(keyId: string, record: KeyRecord): Promise<void>;

  /**
   * Takes a lease on the first candidate that has fewer leases than it may have, and returns that
   * candidate; null if none has. Atomic: no two callers can both get a key's last lease. Candidates
   * are drawn one by one, none after the one that is taken.
   */
  reserve<C extends Candidate>(
    candidates: Iterable<C>,
    terms: LeaseTerms,
    now: number,
  ): Promise<C | null>;

  /**
   * Ends a lease. True the first time it is called for a lease, also when that had expired or was
   * given by a service that is gone; false ever after.
   */
  release(leaseId: string, keyId: string, now: number): Promise<boolean>;

  /**
   * Puts leases in force again for a session that still uses them, whatever has become of them, save
   * those that were released. They count, even beyond what a key may have.
   */
  adopt(leases: readonly AdoptedLease[], session: number, now: number): Promise<void>;

  /** Lets the leases of a session end at `at`, unless they end sooner. */
  shorten(session: number, at: number): Promise<void>;

  /** How many leases each key has; a key without any may be left out. */
  inFlight(now: number): Promise<ReadonlyMap<string, number>>;

  /** Lets go of whatever it holds. Leases are forgotten, records stay. */
  close(): Promise<void>;
}

/** A lease that is put in force again. */
export interface AdoptedLease extends HeldLease {
  readonly keyId: string;
}
