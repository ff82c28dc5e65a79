import { StateUnavailable, type Window } from '../../state-store.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { LeaseEntry, LeaveAnswer, LeaveAsked } from './lease-messages.ts';
import type { Run } from '../connection/script.ts';

const AT_ONCE = 200;
/** The most ended leases remembered for Redis. Others expire there by themselves. */
const MAX_OWED = 20_000;

/** A lease of this machine. */
export interface HeldLease extends LeaseEntry {
  readonly session: number;
  readonly windows: readonly Window[];
}

/**
 * This machine's leases, as Redis must know them. In Redis they expire within seconds and are
 * renewed, so that those of a crashed machine end soon. Leases that end during an outage are
 * reported to Redis afterwards.
 */
export class HeldLeases {
  readonly #calls: LeaseCalls;
  /** Called when another machine has released a lease. */
  readonly #onReleased: (leaseId: string) => void;
  readonly #held = new Map<string, HeldLease>();
  /** Slots in which Redis may still have leases, by lease. */
  readonly #owed = new Map<string, LeaveAsked>();

  constructor(calls: LeaseCalls, onReleased: (leaseId: string) => void) {
    this.#calls = calls;
    this.#onReleased = onReleased;
  }

  get(leaseId: string): HeldLease | undefined {
    return this.#held.get(leaseId);
  }

  /** The leases of a session. */
  of(session: number): HeldLease[] {
    return [...this.#held.values()].filter((lease) => lease.session === session);
  }

  set(lease: HeldLease): void {
    this.#held.set(lease.leaseId, lease);
  }

  /** Forgets an ended lease. */
  delete(leaseId: string): void {
    this.#held.delete(leaseId);
  }

  /** Removes a lease from slots. Null during an outage: Redis is told later. */
  async leave(asked: LeaveAsked): Promise<LeaveAnswer | null> {
    try {
      return await this.#calls.leave(asked);
    } catch (error) {
      if (!(error instanceof StateUnavailable)) throw error;
      this.leaveLater(asked);
      return null;
    }
  }

  /** Remembers that a lease may still be in slots in Redis. */
  leaveLater(asked: LeaveAsked): void {
    const before = this.#owed.get(asked.leaseId)?.slotIds ?? [];
    const slotIds = [...new Set([...before, ...asked.slotIds])];
    this.#owed.set(asked.leaseId, { ...asked, slotIds });
    if (this.#owed.size <= MAX_OWED) return;
    const [oldest] = this.#owed.keys();
    if (oldest !== undefined) this.#owed.delete(oldest);
  }

  /** Removes the ended leases from Redis, and renews the others. Rejects with StateUnavailable. */
  async resynchronize(now: number, run: Run): Promise<void> {
    const owed = [...this.#owed.values()];
    for (let from = 0; from < owed.length; from += AT_ONCE) {
      const some = owed.slice(from, from + AT_ONCE);
      await this.#calls.leaveAll(some, run);
      for (const asked of some) {
        if (this.#owed.get(asked.leaseId) === asked) this.#owed.delete(asked.leaseId);
      }
    }
    await this.renew(now, run); // active leases enter their slots again
  }

  /** Extends the expiry of leases in Redis. Rejects with StateUnavailable. */
  async renew(
    now: number,
    run: Run,
    leases: Iterable<HeldLease> = this.#held.values(),
  ): Promise<void> {
    const inForce: HeldLease[] = [];
    for (const lease of leases) {
      if (lease.expiresAt > now) inForce.push(lease);
      else this.#held.delete(lease.leaseId);
    }
    for (let from = 0; from < inForce.length; from += AT_ONCE) {
      const some = inForce
        .slice(from, from + AT_ONCE)
        .filter(({ leaseId }) => this.#held.has(leaseId));
      const areHeld = await this.#calls.hold(some, run);
      for (const [index, { leaseId, slotIds }] of some.entries()) {
        if (areHeld[index] === false) this.#onReleased(leaseId);
        else if (!this.#held.has(leaseId)) await this.#leaveAgain(leaseId, slotIds);
      }
    }
  }

  /** It ended during the renewal. */
  async #leaveAgain(leaseId: string, slotIds: readonly string[]): Promise<void> {
    await this.leave({ leaseId, slotIds, windows: [], isForeign: false });
  }
}
