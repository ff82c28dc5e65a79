import type {
  AdoptedLease,
  Candidate,
  LeaseTerms,
  Released,
  Reserved,
  Slot,
  Window,
} from './state-store.ts';
import type { WindowCounts } from './window-counts.ts';

/** The most remembered leases that ended without a report, and of earlier processes. */
const MAX_REMEMBERED = 20_000;

interface ActiveLease extends LeaseTerms {
  readonly slots: readonly Slot[];
  readonly windows: readonly Window[];
}

const UNKNOWN = { model: null, client: null };
const NEVER_APPLIED: Released = { applied: false, ...UNKNOWN, wasProbe: false };

/** Options of a lease table. */
export interface LeaseTableOptions {
  /** Whether this process gave the lease. */
  readonly isOfThisLife: (leaseId: string) => boolean;
  /** Called after each change of a slot's number of leases. A key's own slot has the key's id. */
  readonly onInFlight: (slotId: string, count: number) => void;
  readonly windows: WindowCounts;
}

/**
 * The active leases and their counts, in memory. It needs no timer: expired leases are removed
 * before each read, once the first of them can have expired.
 */
export class LeaseTable {
  readonly #options: LeaseTableOptions;
  readonly #active = new Map<string, ActiveLease>();
  readonly #counts = new Map<string, number>();
  /** No lease expires before this. */
  #nextExpiry = Infinity;
  /** Leases of this process that expired without a report. */
  readonly #lapsed = new BoundedSet();
  /** Leases of earlier processes that were released in this one. */
  readonly #settled = new BoundedSet();

  constructor(options: LeaseTableOptions) {
    this.#options = options;
  }

  /** See `StateStore.reserve`. */
  reserve<C extends Candidate>(
    candidates: readonly C[],
    terms: LeaseTerms,
    now: number,
  ): Reserved<C> {
    this.#sweep(now);
    const { windows: counts } = this.#options;
    const full: Window[] = [];
    for (const candidate of candidates) {
      const { leaseId, slots, windows } = candidate;
      if (slots.some((slot) => this.#isFull(slot))) continue;
      const spent = windows.find((window) => counts.isFull(window));
      if (spent !== undefined) {
        full.push(spent);
        continue;
      }
      for (const window of windows) counts.add(window, 1, now);
      this.#add(leaseId, { ...terms, slots, windows });
      return { taken: candidate, full };
    }
    return { taken: null, full };
  }

  /** See `StateStore.confirm`. */
  confirm(leaseId: string, now: number): boolean {
    this.#sweep(now);
    const lease = this.#active.get(leaseId);
    if (!lease?.slots.some(isProbe)) return false;
    for (const slot of lease.slots.filter(isProbe)) this.#count(slot, -1);
    this.#active.set(leaseId, { ...lease, slots: lease.slots.filter((slot) => !isProbe(slot)) });
    return true;
  }

  /** See `StateStore.release`. */
  release(
    leaseId: string,
    now: number,
    unsent: boolean,
    onCount: (window: Window) => void = () => undefined,
  ): Released {
    this.#sweep(now);
    if (!this.#isUnreported(leaseId)) return NEVER_APPLIED;
    const lease = this.#active.get(leaseId);
    for (const window of unsent ? (lease?.windows ?? []) : []) {
      this.#options.windows.add(window, -1, now);
      onCount(window);
    }
    this.#remove(leaseId);
    this.#lapsed.delete(leaseId);
    if (!this.#options.isOfThisLife(leaseId)) this.#settled.add(leaseId);
    const wasProbe = lease?.slots.some(isProbe) === true;
    const { model, client } = lease ?? UNKNOWN;
    const request = lease?.request;
    return {
      applied: true,
      model,
      client,
      wasProbe,
      ...(request === undefined ? {} : { request }),
    };
  }

  /** See `StateStore.adopt`. Returns the leases that are active now. */
  adopt(leases: readonly AdoptedLease[], session: number, now: number): AdoptedLease[] {
    this.#sweep(now);
    const adopted: AdoptedLease[] = [];
    for (const lease of leases) {
      const { leaseId, keyId, expiresAt } = lease;
      if (expiresAt <= now || !this.#isUnreported(leaseId)) continue;
      adopted.push(lease);
      this.#lapsed.delete(leaseId);
      this.#remove(leaseId);
      const slots = [{ id: keyId, limit: null }];
      this.#add(leaseId, { slots, windows: [], session, expiresAt, ...UNKNOWN });
    }
    return adopted;
  }

  /** See `StateStore.shorten`. */
  shorten(session: number, at: number): void {
    for (const [leaseId, lease] of this.#active) {
      if (lease.session !== session || lease.expiresAt <= at) continue;
      this.#active.set(leaseId, { ...lease, expiresAt: at });
      this.#nextExpiry = Math.min(this.#nextExpiry, at);
    }
  }

  /** See `StateStore.inFlight`. */
  inFlight(now: number): ReadonlyMap<string, number> {
    this.#sweep(now);
    return this.#counts;
  }

  /** A lease of this process that is neither active nor lapsed was released, or never given. */
  #isUnreported(leaseId: string): boolean {
    if (this.#active.has(leaseId)) return true;
    if (this.#options.isOfThisLife(leaseId)) return this.#lapsed.has(leaseId);
    return !this.#settled.has(leaseId);
  }

  #add(leaseId: string, lease: ActiveLease): void {
    this.#active.set(leaseId, lease);
    this.#nextExpiry = Math.min(this.#nextExpiry, lease.expiresAt);
    for (const slot of lease.slots) this.#count(slot, 1);
  }

  #remove(leaseId: string): void {
    const lease = this.#active.get(leaseId);
    if (lease === undefined) return;
    this.#active.delete(leaseId);
    for (const slot of lease.slots) this.#count(slot, -1);
  }

  #isFull({ id, limit }: Slot): boolean {
    return limit !== null && (this.#counts.get(id) ?? 0) >= limit;
  }

  #count({ id }: Slot, change: 1 | -1): void {
    const count = (this.#counts.get(id) ?? 0) + change;
    this.#counts.set(id, count); // zero stays: a used key is used again
    this.#options.onInFlight(id, count);
  }

  #sweep(now: number): void {
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = Infinity;
    for (const [leaseId, { expiresAt }] of this.#active) {
      if (expiresAt <= now) {
        this.#remove(leaseId);
        this.#lapsed.add(leaseId);
      } else this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    }
  }
}

const isProbe = ({ untilConfirmed }: Slot) => untilConfirmed === true;

/** A set that forgets its oldest member when it is full. */
class BoundedSet {
  readonly #members = new Set<string>();

  add(member: string): void {
    this.#members.add(member);
    if (this.#members.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#members) {
      this.#members.delete(oldest);
      break;
    }
  }

  has(member: string): boolean {
    return this.#members.has(member);
  }

  delete(member: string): void {
    this.#members.delete(member);
  }
}
