import type { LeaseTable } from '../../lease-table.ts';
import {
  StateUnavailable,
  type Candidate,
  type LeaseTerms,
  type Reserved,
} from '../../state-store.ts';
import type { Link } from '../connection/link.ts';
import { mayAllocate, Shares, type OutagePolicy } from './outage-policy.ts';
import type { SharedWindows } from './shared-windows.ts';

/** A machine that was seen within this time is running. */
const RUNNING_MS = 5_000;

/** Collaborators of OutageLeases. */
export interface OutageLeasesDeps {
  readonly link: Pick<Link, 'outage' | 'machines'>;
  readonly policy: OutagePolicy;
  readonly windows: SharedWindows;
  /** The leases of this machine. */
  readonly own: LeaseTable;
}

/** Reserves leases during an outage of Redis, from this machine's own counts and within its share. */
export class OutageLeases {
  readonly #deps: OutageLeasesDeps;
  #shares: Shares | null = null;

  constructor(deps: OutageLeasesDeps) {
    this.#deps = deps;
  }

  /** See `StateStore.reserve`. Throws StateUnavailable if the outage policy forbids it. */
  reserve<C extends Candidate>(
    candidates: readonly C[],
    terms: LeaseTerms,
    now: number,
  ): Reserved<C> {
    const { link, policy, windows, own } = this.#deps;
    const { outage } = link;
    const elapsedMs = outage === null ? 0 : performance.now() - outage.since;
    if (!mayAllocate(policy, elapsedMs)) {
      throw new StateUnavailable(outage?.reason ?? 'Redis is away');
    }
    const shares = (this.#shares ??= this.#newShares(now));
    const limited = candidates.map((original) => ({ ...shares.of(original), original }));
    const { taken } = own.reserve(limited, terms, now);
    if (taken !== null) windows.countLater(taken.windows);
    return { taken: taken?.original ?? null, full: [] }; // a full share says nothing about the window
  }

  /** Ends the outage: the next one gets new shares. */
  end(): void {
    this.#shares = null;
  }

  #newShares(now: number): Shares {
    const { link, policy, windows } = this.#deps;
    const running = link.machines.filter(({ lastSeenAt }) => lastSeenAt > now - RUNNING_MS);
    const machines = policy === 'open' ? 1 : running.length;
    return new Shares(machines, (window) => windows.counts.used(window));
  }
}
