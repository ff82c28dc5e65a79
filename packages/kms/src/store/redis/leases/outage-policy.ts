import type { KmsConfiguration } from '@openrouter-proxy/config';
import type { Candidate, Window } from '../../state-store.ts';

/** How long keys are lent on what is known here, where the policy is `static`. */
const STATIC_FOR_MS = 30_000;

/** What to do while Redis is away (`state.redis.on_outage`). */
export type OutagePolicy = NonNullable<KmsConfiguration['redis']>['onOutage'];

/** Whether keys are lent on what is known here, after an outage of `elapsedMs`. */
export function mayAllocate(policy: OutagePolicy, elapsedMs: number): boolean {
  if (policy === 'static') return elapsedMs < STATIC_FOR_MS;
  return policy === 'open';
}

/** What that means for who looks at the service. */
export function outageEffect(policy: OutagePolicy, elapsedMs: number): string {
  if (!mayAllocate(policy, elapsedMs)) return 'no key is lent';
  const until = policy === 'static' ? `, until ${STATIC_FOR_MS / 1_000} s have passed` : '';
  return `keys are lent on what is known here${until}`;
}

/** What is left of a limit for each of several machines that cannot ask each other. */
const share = (left: number, machines: number) => Math.floor(Math.max(0, left) / machines);

/**
 * A machine's share of what the pool may do, while it cannot know what the others do: of each slot's
 * limit, but one lease at least, and of what a window had left when the outage began.
 */
export class Shares {
  readonly #machines: number;
  readonly #used: (window: Window) => number;
  /** By window: as far as may be counted here. */
  readonly #limits = new Map<string, number>();

  constructor(machines: number, used: (window: Window) => number) {
    this.#machines = Math.max(1, machines);
    this.#used = used;
  }

  /** The candidate with limits that hold if every machine keeps to its share. */
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
