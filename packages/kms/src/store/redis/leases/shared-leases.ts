import { LeaseTable, type LeaseTableOptions } from '../../lease-table.ts';
import {
  StateUnavailable,
  type AdoptedLease,
  type Candidate,
  type LeaseTerms,
  type Released,
  type Reserved,
  type Window,
} from '../../state-store.ts';
import { HeldLeases, type HeldLease } from './held-leases.ts';
import type { LeaseCalls, ReserveAnswer } from './lease-calls.ts';
import type { Link, Run } from '../connection/link.ts';
import { mayAllocate, Shares, type OutagePolicy } from '../connection/outage-policy.ts';
import type { SharedWindows } from './shared-windows.ts';

/** The first candidate nearly always has room. Few are drawn beyond the one that is taken. */
const FIRST_BATCH = 1;
const LARGEST_BATCH = 64;
const GROWTH = 4;
/** A machine that was seen as recently is at work. */
const AT_WORK_MS = 5_000;

/** What shared leases are made of. */
export interface SharedLeasesOptions extends Omit<LeaseTableOptions, 'windows'> {
  readonly link: Link;
  readonly calls: LeaseCalls;
  readonly windows: SharedWindows;
  readonly policy: OutagePolicy;
  readonly now: () => number;
}

/**
 * The leases of several machines: counted in Redis, and those of this machine in memory as well. While
 * Redis is away the counts here are what there is to go by, if the policy lets keys be lent at all.
 */
export class SharedLeases {
  readonly #options: SharedLeasesOptions;
  readonly #own: LeaseTable;
  readonly #held: HeldLeases;
  #shares: Shares | null = null;
  /** The key whose lease Redis counted last for this machine. */
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
    this.#held = new HeldLeases(calls, (leaseId) => {
      this.#held.delete(leaseId);
      this.#own.release(leaseId, options.now(), false);
    });
  }

  get lastLeased(): string {
    return this.#lastLeased;
  }

  /** See `StateStore.reserve`. Rejects with StateUnavailable where the policy says so. */
  async reserve<C extends Candidate>(
    candidates: Iterable<C>,
    terms: LeaseTerms,
    now: number,
  ): Promise<Reserved<C>> {
    const waiting = candidates[Symbol.iterator]();
    const full: Window[] = [];
    for (let size = FIRST_BATCH; ; size = Math.min(size * GROWTH, LARGEST_BATCH)) {
      if (this.#options.link.outage !== null) return this.#lendAlone(rest([], waiting), terms, now);
      const drawn = draw(waiting, size);
      if (drawn.length === 0) return { taken: null, full };
      const answer = await this.#ask(drawn, terms, now);
      if (answer === null) return this.#lendAlone(rest(drawn, waiting), terms, now);
      for (const [candidate, window] of answer.full) {
        const found = drawn[candidate]?.windows[window];
        if (found !== undefined) full.push(found);
      }
      const taken = drawn[answer.taken];
      if (taken === undefined) continue;
      this.#take(taken, terms, now, answer);
      return { taken, full };
    }
  }

  /** See `StateStore.confirm`. */
  async confirm(leaseId: string, now: number): Promise<boolean> {
    const isConfirmed = this.#own.confirm(leaseId, now);
    const held = this.#held.get(leaseId);
    if (!isConfirmed || held === undefined) return isConfirmed;
    const slotIds = held.slotIds.filter((id) => id.startsWith('probe/'));
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
      slotIds: held?.slotIds ?? [keyId, `probe/${keyId}`],
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

  /** How many leases each of these keys has. */
  async inFlight(keyIds: Iterable<string>, now: number): Promise<ReadonlyMap<string, number>> {
    const own = this.#own.inFlight(now);
    const slotIds = new Set([...keyIds, ...own.keys()]);
    return (await orLater(this.#options.calls.inForce([...slotIds]))) ?? own;
  }

  /** Has the leases in Redis last for some more moments. Rejects with StateUnavailable. */
  async renew(run: Run): Promise<void> {
    await this.#held.renew(this.#options.now(), run);
  }

  /** Tells Redis what it could not be told. Rejects with StateUnavailable. */
  async makeUp(run: Run): Promise<void> {
    await this.#held.makeUp(this.#options.now(), run);
    this.#shares = null;
  }

  /** What cannot be said now is said when Redis is back. */
  async #hold(leases: readonly HeldLease[], now: number): Promise<void> {
    for (const lease of leases) this.#held.set(lease);
    await orLater(this.#held.renew(now, this.#options.link.run, leases));
  }

  /** Has Redis take one of these; null: it is away. */
  async #ask(
    drawn: readonly Candidate[],
    terms: LeaseTerms,
    now: number,
  ): Promise<ReserveAnswer | null> {
    const ttlMs = terms.expiresAt - now;
    const answer = await orLater(this.#options.calls.reserve({ candidates: drawn, ttlMs }));
    if (answer !== null) return answer;
    // One of them may have been taken all the same.
    for (const candidate of drawn) this.#held.owe(heldOf(candidate, terms));
    return null;
  }

  /** Lends on what is known here, within this machine's share. Rejects with StateUnavailable. */
  #lendAlone<C extends Candidate>(
    candidates: Iterable<C>,
    terms: LeaseTerms,
    now: number,
  ): Reserved<C> {
    const { link, policy, windows } = this.#options;
    const { outage } = link;
    const elapsedMs = outage === null ? 0 : performance.now() - outage.since;
    if (!mayAllocate(policy, elapsedMs))
      throw new StateUnavailable(outage?.reason ?? 'Redis is away');
    const shares = (this.#shares ??= this.#newShares(now));
    const shared = function* () {
      for (const candidate of candidates) yield { ...shares.of(candidate), original: candidate };
    };
    const { taken } = this.#own.reserve(shared(), terms, now);
    const full: Window[] = []; // a share that is used up says nothing about the window
    if (taken === null) return { taken, full };
    windows.owe(taken.windows);
    this.#held.set(heldOf(taken, terms));
    return { taken: taken.original, full };
  }

  #newShares(now: number): Shares {
    const { link, policy, windows } = this.#options;
    const atWork = link.machines.filter(({ lastSeenAt }) => lastSeenAt > now - AT_WORK_MS);
    return new Shares(policy === 'open' ? 1 : atWork.length, (window) =>
      windows.counts.used(window),
    );
  }

  /** Counts here what Redis has counted. */
  #take(taken: Candidate, terms: LeaseTerms, now: number, { inSlot, used }: ReserveAnswer): void {
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

function draw<T>(from: Iterator<T>, most: number): T[] {
  const drawn: T[] = [];
  while (drawn.length < most) {
    const next = from.next();
    if (next.done === true) break;
    drawn.push(next.value);
  }
  return drawn;
}

function* rest<T>(first: readonly T[], from: Iterator<T>): Generator<T, void, undefined> {
  yield* first;
  for (let next = from.next(); next.done !== true; next = from.next()) yield next.value;
}

/** What Redis answers; null: it is away. */
async function orLater<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof StateUnavailable) return null;
    throw error;
  }
}
