import type { KmsConfiguration } from '@openrouter-proxy/config';
import type { Candidate, Window } from '../../state-store.ts';

/** With the policy `static`, leases are allocated for this long after the start of an outage. */
const STATIC_FOR_MS = 30_000;

/** The policy for outages of Redis (`state.redis.on_outage`). */
export type OutagePolicy = NonNullable<KmsConfiguration['redis']>['onOutage'];

/** Whether leases are allocated `elapsedMs` after the start of an outage. */
export function mayAllocate(policy: OutagePolicy, elapsedMs: number): boolean {
  if (policy === 'static') return elapsedMs < STATIC_FOR_MS;
  return policy === 'open';
}

/** The effect of an outage, for a person. */
export function outageEffect(policy: OutagePolicy, elapsedMs: number): string {
  if (!mayAllocate(policy, elapsedMs)) return 'no lease is allocated';
  const until = policy === 'static' ? `, until ${STATIC_FOR_MS / 1_000} s have passed` : '';
  return `leases are allocated from this machine’s counts${until}`;
}

/** One machine's share of a remaining limit. */
const share = (left: number, machines: number) => Math.floor(Math.max(0, left) / machines);

/**
 * A machine's share of the pool's limits during an outage: of each slot's limit, at least one
 * lease, and of the rest of each window at the start of the outage.
 */
export class Shares {
  readonly #machines: number;
  readonly #used: (window: Window) => number;
  /** By window: the highest count that this machine may reach. */
  readonly #limits = new Map<string, number>();

  constructor(machines: number, used: (window: Window) => number) {
    this.#machines = Math.max(1, machines);
    this.#used = used;
  }

  /** The candidate with limits reduced to this machine's share. */
  of<C extends Candidate>(candidate: C): C {
    if (this.#machines === 1) return candidate;
    const slots = candidate.slots.map((slot) =>
      slot.limit === null
        ? slot
        : { ...slot, limit: Math.min(slot.limit, Math.max(1, share(slot.limit, this.#machines))) },
    );
    const windows = candidate.windows.map((window) =>
      window.limit === null ? window : { ...window, limit: this.#limit(window, window.limit) },
    );
    return { ...candidate, slots, windows };
  }

  #limit(window: Window, limit: number): number {
    const name = `${window.startsAt} ${window.id}`;
    const known = this.#limits.get(name);
    if (known !== undefined) return Math.min(known, limit);
    const used = this.#used(window);
    const most = used + share(limit - used, this.#machines);
    this.#limits.set(name, most);
    return most;
  }
}
