import type { HeldLease } from '@openrouter-proxy/kms-protocol';
import type { KeyRecord, KeyRecordStore } from '../keys/key-record.ts';

/** One of a number of places that leases take and leave again. */
export interface Slot {
  readonly id: string;
  /** How many may be taken at once; null: any number. */
  readonly limit: number | null;
  /** It is left as soon as the lease is confirmed, not only when it ends. */
  readonly untilConfirmed?: boolean;
}

/** A span of time in which no more than so many leases may be given. */
export interface Window {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly startsAt: number;
  readonly endsAt: number;
  /** Null: not known. Leases are counted all the same. */
  readonly limit: number | null;
}

/** A window at one moment. */
export interface WindowSnapshot {
  /** Leases given in it and not given back, whatever OpenRouter has said. */
  readonly given: number;
  /** Leases in force. */
  readonly inFlight: number;
}

/** A key a lease may be taken on, and everything that must have room for it. */
export interface Candidate {
  readonly keyId: string;
  /** The id of the lease, should it be this key's. */
  readonly leaseId: string;
  /** The first is the key's own: it counts the leases of the key. */
  readonly slots: readonly Slot[];
  readonly windows: readonly Window[];
}

/** What a lease is, whichever key it is taken on. */
export interface LeaseTerms {
  /** The session it belongs to. */
  readonly session: number;
  /** When it ends by itself, milliseconds since the epoch. */
  readonly expiresAt: number;
  /** The model it is for; null: not known. */
  readonly model: string | null;
  /** Who asked; null: not known. */
  readonly client: string | null;
  /** The request it is for; left out: not known. */
  readonly request?: LeasedFor;
}

/** The request that a lease is for. */
export interface LeasedFor {
  /** Null: it has none. */
  readonly id: string | null;
  /** When the lease was given, milliseconds since the epoch. */
  readonly at: number;
  /** Whether it is for a model's answer, and not for another endpoint. */
  readonly isInference: boolean;
}

/** The candidate that had room, and the full windows of those before it. */
export interface Reserved<C extends Candidate> {
  readonly taken: C | null;
  readonly full: readonly Window[];
}

/** A lease that has ended. */
export interface Released extends Omit<LeaseTerms, 'session' | 'expiresAt'> {
  /** False: it had ended before. */
  readonly applied: boolean;
  /** Whether it was to prove its key, and had not been confirmed. */
  readonly wasProbe: boolean;
}

/** Where the state is kept cannot be reached, and what is known without it must not be gone by. */
export class StateUnavailable extends Error {
  override readonly name = 'StateUnavailable';
}

/** A machine that shares the state. */
export interface Machine {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly lastSeenAt: number;
  /** It is this one. */
  readonly self: boolean;
}

/** How a store is. */
export interface StoreStatus {
  /** Why it does not do all that it should; null: it does. */
  readonly trouble: string | null;
  /** The machines that share it, this one among them; none, if it is this machine's alone. */
  readonly machines: readonly Machine[];
}

/** Told what others who share the state have changed. */
export interface StateWatcher {
  onRecord(keyId: string, record: KeyRecord): void;
  /** Null: it is forgotten. */
  onShared(name: string, json: string | null): void;
  /** Another machine has leased a key: the rotation goes on from there. */
  onLeased(keyId: string): void;
}

/**
 * Where the state of the pool is kept: what is known of each key and of what keys share, durably, and
 * the leases in force. It counts and keeps; what the counts and records mean is decided elsewhere. A
 * lease that has expired counts no more from that instant on, whether or not anything has happened since.
 */
export interface StateStore extends KeyRecordStore {
  /** What the configuration calls it. */
  readonly backend: string;

  /** What was kept under other names than a key's: JSON, by name. */
  loadShared(): Promise<ReadonlyMap<string, string>>;

  /** Keeps what keys share, or forgets it (null). Durable when this resolves. */
  saveShared(name: string, json: string | null): Promise<void>;

  /**
   * Reserves a lease on the first candidate whose slots and windows all have room. The step is atomic:
   * two callers never both get the last room. Rejects with StateUnavailable.
   */
  reserve<C extends Candidate>(
    candidates: readonly C[],
    terms: LeaseTerms,
    now: number,
  ): Promise<Reserved<C>>;

  /** Leaves the slots that a lease holds until it is confirmed; whether there were any. */
  confirm(leaseId: string, now: number): Promise<boolean>;

  /**
   * Ends a lease. `applied` the first time it is called for a lease, also when that had expired or was
   * given by a service that is gone; never after. `unsent` gives the room in its windows back.
   */
  release(leaseId: string, keyId: string, now: number, unsent: boolean): Promise<Released>;

  /**
   * Puts leases in force again for a session that still uses them, whatever has become of them, save
   * those that were released. They count, even beyond what a key may have.
   */
  adopt(leases: readonly AdoptedLease[], session: number, now: number): Promise<void>;

  /** Lets the leases of a session end at `at`, unless they end sooner. */
  shorten(session: number, at: number): Promise<void>;

  /** How many leases each key has; a key without any may be left out. */
  inFlight(now: number): Promise<ReadonlyMap<string, number>>;

  /** How many leases were given in each of these windows. Kept across restarts, save for the last moments. */
  used(windows: readonly Window[]): Promise<readonly number[]>;

  /** Counts at least `used` leases in a window: others have used it too. */
  raise(window: Window, used: number): Promise<void>;

  /** What is counted at this moment, for `reconcile`. Null: it cannot be told. `slotId`: of the window's leases. */
  snapshot(window: Window, slotId: string, now: number): Promise<WindowSnapshot | null>;

  /**
   * Counts what OpenRouter says was used, down as well as up. On top come the leases that were in force
   * at the snapshot, which was taken before OpenRouter was asked, and those given since.
   */
  reconcile(window: Window, used: number, snapshot: WindowSnapshot): Promise<void>;

  /** Adds the count of a window to that of another, and begins anew with the first. */
  transfer(from: Window, to: Window): Promise<void>;

  /** Has somebody told from now on of what others change. */
  watch(watcher: StateWatcher): void;

  status(): StoreStatus;

  /** Lets go of whatever it holds. Leases are forgotten, records stay. */
  close(): Promise<void>;
}

/** What a store does of this that no other machine shares. */
export const UNSHARED: Pick<StateStore, 'watch' | 'status'> = {
  watch: () => undefined,
  status: () => ({ trouble: null, machines: [] }),
};

/** A lease that is put in force again. */
export interface AdoptedLease extends HeldLease {
  readonly keyId: string;
}
