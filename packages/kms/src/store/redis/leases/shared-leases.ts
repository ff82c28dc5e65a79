import { LeaseTable, type LeaseTableOptions } from '../../lease-table.ts';
import {
  StateUnavailable,
  type AdoptedLease,
  type Candidate,
  type LeaseTerms,
  type Released,
  type Reserved,
} from '../../state-store.ts';
import { isProbeSlot, probeSlot } from '../../slots.ts';
import { HeldLeases, type HeldLease } from './held-leases.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { ReserveAnswer } from './lease-messages.ts';
import type { Link } from '../connection/link.ts';
import type { Run } from '../connection/script.ts';
import { OutageLeases } from './outage-leases.ts';
import type { OutagePolicy } from './outage-policy.ts';
import type { SharedWindows } from './shared-windows.ts';

/** Options of SharedLeases. */
export interface SharedLeasesOptions extends Omit<LeaseTableOptions, 'windows'> {
  readonly link: Link;
  readonly calls: LeaseCalls;
  readonly windows: SharedWindows;
  readonly policy: OutagePolicy;
  readonly now: () => number;
}

/**
 * The leases of several machines, counted in Redis. This machine's own are counted in memory as
 * well: they are the base for leases during an outage, if the policy allows any.
 */
export class SharedLeases {
  readonly #options: SharedLeasesOptions;
  readonly #own: LeaseTable;
  readonly #held: HeldLeases;
  readonly #outageLeases: OutageLeases;
  /** The key that this machine leased last through Redis. */
  #lastLeased = '';

  constructor(options: SharedLeasesOptions) {
    const { calls, windows, link, isOfThisLife, onInFlight } = options;
    this.#options = options;
    this.#own = new LeaseTable({
      isOfThisLife,
      windows: windows.counts,
      onInFlight: (slotId, count) => {
        if (link.outage !== null) onInFlight(slotId, count);
      },
    });
    this.#outageLeases = new OutageLeases({ ...options, own: this.#own });
    this.#held = new HeldLeases(calls, (leaseId) => {
      this.#held.delete(leaseId);
      this.#own.release(leaseId, options.now(), false);
    });
  }

  get lastLeased(): string {
    return this.#lastLeased;
  }

  /**
   * See `StateStore.reserve`. Rejects with StateUnavailable if the outage policy forbids leases.
   */
  async reserve<C extends Candidate>(
    candidates: readonly C[],
    terms: LeaseTerms,
    now: number,
  ): Promise<Reserved<C>> {
    const isAway = this.#options.link.outage !== null;
    const answer = isAway ? null : await this.#ask(candidates, terms, now);
    if (answer === null) return this.#reserveAlone(candidates, terms, now);
    const taken = candidates[answer.taken] ?? null;
    if (taken !== null) this.#count(taken, terms, now, answer);
    const full = answer.full.flatMap(
      ([candidate, window]) => candidates[candidate]?.windows[window] ?? [],
    );
    return { taken, full };
  }

  /** See `StateStore.confirm`. */
  async confirm(leaseId: string, now: number): Promise<boolean> {
    const isConfirmed = this.#own.confirm(leaseId, now);
    const held = this.#held.get(leaseId);
    if (!isConfirmed || held === undefined) return isConfirmed;
    const slotIds = held.slotIds.filter((id) => isProbeSlot(id));
    this.#held.set({ ...held, slotIds: held.slotIds.filter((id) => !slotIds.includes(id)) });
    await this.#held.leave({ leaseId, slotIds, windows: [], isForeign: false });
    return true;
  }

  /** See `StateStore.release`. */
  async release(leaseId: string, keyId: string, now: number, unsent: boolean): Promise<Released> {
    const { isOfThisLife, onInFlight, link } = this.#options;
    const released = this.#own.release(leaseId, now, unsent);
    if (!released.applied) return released;
    const held = this.#held.get(leaseId);
    this.#held.delete(leaseId);
    const answer = await this.#held.leave({
      leaseId,
      slotIds: held?.slotIds ?? [keyId, probeSlot(keyId)],
      windows: unsent && held !== undefined && held.expiresAt > now ? held.windows : [],
      isForeign: !isOfThisLife(leaseId),
    });
    if (answer !== null && link.outage === null) onInFlight(keyId, answer.inSlot);
    return answer?.isFirst === false ? { ...released, applied: false } : released;
  }

  /** See `StateStore.adopt`. */
  async adopt(leases: readonly AdoptedLease[], session: number, now: number): Promise<void> {
    const { isOfThisLife } = this.#options;
    const adopted = this.#own.adopt(leases, session, now).map(({ leaseId, keyId, expiresAt }) => {
      const isForeign = !isOfThisLife(leaseId);
      const windows = this.#held.get(leaseId)?.windows ?? [];
      return { leaseId, slotIds: [keyId], expiresAt, isForeign, session, windows };
    });
    await this.#hold(adopted, now);
  }

  /** See `StateStore.shorten`. */
  async shorten(session: number, at: number): Promise<void> {
    this.#own.shorten(session, at);
    const later = this.#held.of(session).filter(({ expiresAt }) => expiresAt > at);
    await this.#hold(
      later.map((lease) => ({ ...lease, expiresAt: at })),
      this.#options.now(),
    );
  }

  /** The number of leases of each of these keys. */
  async inFlight(keyIds: Iterable<string>, now: number): Promise<ReadonlyMap<string, number>> {
    const own = this.#own.inFlight(now);
    const slotIds = new Set([...keyIds, ...own.keys()]);
    return (await orLater(this.#options.calls.inForce([...slotIds]))) ?? own;
  }

  /** Extends the expiry of leases in Redis. Rejects with StateUnavailable. */
  async renew(run: Run): Promise<void> {
    await this.#held.renew(this.#options.now(), run);
  }

  /** Writes to Redis what it has missed during an outage. Rejects with StateUnavailable. */
  async resynchronize(run: Run): Promise<void> {
    await this.#held.resynchronize(this.#options.now(), run);
    this.#outageLeases.end();
  }

  /** During an outage, the leases are renewed when it ends. */
  async #hold(leases: readonly HeldLease[], now: number): Promise<void> {
    for (const lease of leases) this.#held.set(lease);
    await orLater(this.#held.renew(now, this.#options.link.run, leases));
  }

  /** Has Redis reserve one of these; null if Redis is away. */
  async #ask(
    candidates: readonly Candidate[],
    terms: LeaseTerms,
    now: number,
  ): Promise<ReserveAnswer | null> {
    const ttlMs = terms.expiresAt - now;
    const answer = await orLater(this.#options.calls.reserve({ candidates, ttlMs }));
    if (answer !== null) return answer;
    // Redis may have reserved one of them before the answer was lost.
    for (const candidate of candidates) this.#held.leaveLater(heldOf(candidate, terms));
    return null;
  }

  /** Reserves from this machine's own counts. Throws StateUnavailable if the policy forbids it. */
  #reserveAlone<C extends Candidate>(
    candidates: readonly C[],
    terms: LeaseTerms,
    now: number,
  ): Reserved<C> {
    const reserved = this.#outageLeases.reserve(candidates, terms, now);
    if (reserved.taken !== null) this.#held.set(heldOf(reserved.taken, terms));
    return reserved;
  }

  /** Counts a lease that Redis has counted in this machine's own counts too. */
  #count(taken: Candidate, terms: LeaseTerms, now: number, { inSlot, used }: ReserveAnswer): void {
    const { windows, onInFlight } = this.#options;
    this.#own.reserve([withoutLimits(taken)], terms, now);
    for (const [index, window] of taken.windows.entries()) {
      windows.counts.set(window, used[index] ?? 0, now);
    }
    this.#held.set(heldOf(taken, terms));
    this.#lastLeased = taken.keyId;
    onInFlight(taken.keyId, inSlot);
  }
}

const withoutLimits = ({ slots, windows, ...candidate }: Candidate): Candidate => ({
  ...candidate,
  slots: slots.map((slot) => ({ ...slot, limit: null })),
  windows: windows.map((window) => ({ ...window, limit: null })),
});

const heldOf = (
  { leaseId, slots, windows }: Candidate,
  { session, expiresAt }: LeaseTerms,
): HeldLease => ({
  ...{ leaseId, windows, session, expiresAt, isForeign: false },
  slotIds: slots.map(({ id }) => id),
});

/** The answer of Redis; null during an outage. */
async function orLater<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof StateUnavailable) return null;
    throw error;
  }
}
