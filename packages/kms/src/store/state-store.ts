import type { HeldLease } from '@openrouter-proxy/kms-protocol';
import type { KeyRecord, KeyRecordStore } from '../keys/key-record.ts';

/** A slot that leases occupy. */
export interface Slot {
  readonly id: string;
  /** The most leases at once; null without a limit. */
  readonly limit: number | null;
  /** The lease leaves the slot when it is confirmed, not only when it ends. */
  readonly untilConfirmed?: boolean;
}

/** A window of time with a limited number of leases. */
export interface Window {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly startsAt: number;
  readonly endsAt: number;
  /** Null if unknown. Leases are counted all the same. */
  readonly limit: number | null;
}

/** The counts of a window at one moment. */
export interface WindowSnapshot {
  /** Leases given in it and not given back, without OpenRouter's corrections. */
  readonly given: number;
  /** Active leases. */
  readonly inFlight: number;
}

/** A candidate for a lease: a key, and everything that must have room. */
export interface Candidate {
  readonly keyId: string;
  /** The id of the lease if this candidate is taken. */
  readonly leaseId: string;
  /** The first is the key's own slot: it counts the leases of the key. */
  readonly slots: readonly Slot[];
  readonly windows: readonly Window[];
}

/** The terms of a lease, whichever candidate is taken. */
export interface LeaseTerms {
  /** The session it belongs to. */
  readonly session: number;
  /** When it expires without a report, in milliseconds since the epoch. */
  readonly expiresAt: number;
  /** The model of the request; null if unknown. */
  readonly model: string | null;
  /** The client of the request; null if unknown. */
  readonly client: string | null;
  /** The request; left out if unknown. */
  readonly request?: LeasedFor;
}

/** The request that a lease is for. */
export interface LeasedFor {
  /** Null if it has none. */
  readonly id: string | null;
  /** When the lease was given, milliseconds since the epoch. */
  readonly at: number;
  /** True for a request to a model, false for any other endpoint. */
  readonly isInference: boolean;
}

/** The candidate that had room, and the full windows of those before it. */
export interface Reserved<C extends Candidate> {
  readonly taken: C | null;
  readonly full: readonly Window[];
}

/** The result of ending a lease. */
export interface Released extends Omit<LeaseTerms, 'session' | 'expiresAt'> {
  /** False if it had ended before. */
  readonly applied: boolean;
  /** The lease was a probe, and was not confirmed. */
  readonly wasProbe: boolean;
}

/** The store cannot be reached, and the outage policy forbids leases without it. */
export class StateUnavailable extends Error {
  override readonly name = 'StateUnavailable';
}

/** A machine that shares the state. */
export interface Machine {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly lastSeenAt: number;
  /** True for this machine. */
  readonly self: boolean;
}

/** The status of a store. */
export interface StoreStatus {
  /** The reason why it does not work fully; null if it does. */
  readonly trouble: string | null;
  /** The machines that share it, including this one; empty if it is not shared. */
  readonly machines: readonly Machine[];
}

/** Receives the changes of other machines. */
export interface StateWatcher {
  onRecord(keyId: string, record: KeyRecord): void;
  /** Null: it was deleted. */
  onShared(name: string, json: string | null): void;
  /** Another machine has leased a key: the rotation continues after it. */
  onLeased(keyId: string): void;
}

/**
 * Stores the state of the pool: the records of keys and of what they share, durably, and the active
 * leases. It only stores and counts; others decide what the records mean. An expired lease does not
 * count from its expiry on, even if nothing else has happened.
 */
export interface StateStore extends KeyRecordStore {
  /** Its name in the configuration. */
  readonly backend: string;

  /** Loads the shared records: JSON, by name. */
  loadShared(): Promise<ReadonlyMap<string, string>>;

  /** Saves a shared record, or deletes it (null). Durable when this resolves. */
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

  /**
   * Leaves the slots that a lease occupies until it is confirmed. Returns whether there were any.
   */
  confirm(leaseId: string, now: number): Promise<boolean>;

  /**
   * Ends a lease. `applied` only for the first call for a lease, also if the lease has expired or
   * is of an earlier process. `unsent` gives back its room in windows.
   */
  release(leaseId: string, keyId: string, now: number, unsent: boolean): Promise<Released>;

  /**
   * Activates leases again for a session that still uses them, except released ones. They count
   * even above a key's limit.
   */
  adopt(leases: readonly AdoptedLease[], session: number, now: number): Promise<void>;

  /** Shortens the leases of a session to end at `at`. */
  shorten(session: number, at: number): Promise<void>;

  /** The number of leases of each key. Keys without leases may be left out. */
  inFlight(now: number): Promise<ReadonlyMap<string, number>>;

  /**
   * The number of leases in each of these windows. Kept across restarts, except for the last
   * quarter of a second.
   */
  used(windows: readonly Window[]): Promise<readonly number[]>;

  /** Raises the count of a window to at least `used`: others have used it too. */
  raise(window: Window, used: number): Promise<void>;

  /**
   * The current counts, for `reconcile`; null if they cannot be read. `slotId` is the slot of the
   * window's leases.
   */
  snapshot(window: Window, slotId: string, now: number): Promise<WindowSnapshot | null>;

  /**
   * Sets the count to what OpenRouter states, down as well as up, plus the leases that were active
   * at the snapshot and those given since. The snapshot must be taken before OpenRouter is asked.
   */
  reconcile(window: Window, used: number, snapshot: WindowSnapshot): Promise<void>;

  /** Moves the count of one window to another. */
  transfer(from: Window, to: Window): Promise<void>;

  /** Registers the receiver of other machines' changes. */
  watch(watcher: StateWatcher): void;

  status(): StoreStatus;

  /** Closes the store. Leases are lost, records stay. */
  close(): Promise<void>;
}

/** The methods that a store without other machines does not need. */
export const UNSHARED: Pick<StateStore, 'watch' | 'status'> = {
  watch: () => undefined,
  status: () => ({ trouble: null, machines: [] }),
};

/** A lease that is activated again. */
export interface AdoptedLease extends HeldLease {
  readonly keyId: string;
}
