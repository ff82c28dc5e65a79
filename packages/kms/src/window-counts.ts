import type { Window } from './state-store.ts';

/** How many windows are counted in before those that have ended are forgotten. */
const TIDY_AT = 4_096;

/** The number of leases in a window, as it is kept. */
export interface WindowCount {
  readonly id: string;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly used: number;
}

/** Counts the leases of each window, in memory. */
export class WindowCounts {
  readonly #counts = new Map<string, WindowCount>();
  #tidyAt = TIDY_AT;

  constructor(kept: Iterable<WindowCount> = []) {
    for (const count of kept) this.#counts.set(nameOf(count), count);
  }

  /** How many leases were given in a window. */
  used(window: Window): number {
    return this.#counts.get(nameOf(window))?.used ?? 0;
  }

  /** Whether one more would be one too many. */
  isFull(window: Window): boolean {
    return window.limit !== null && this.used(window) >= window.limit;
  }

  /** The counts of the windows that have not ended. */
  all(now: number): WindowCount[] {
    return [...this.#counts.values()].filter(({ endsAt }) => endsAt > now);
  }

  /** Counts one more, or one less, and gives the count. */
  add(window: Window, change: 1 | -1, now: number): WindowCount {
    return this.#set(window, Math.max(0, this.used(window) + change), now);
  }

  /** Counts at least `used`, and gives the count. */
  raise(window: Window, used: number, now: number): WindowCount {
    return this.#set(window, Math.max(used, this.used(window)), now);
  }

  #set({ id, startsAt, endsAt }: Window, used: number, now: number): WindowCount {
    const count = { id, startsAt, endsAt, used };
    this.#counts.set(nameOf(count), count);
    if (this.#counts.size >= this.#tidyAt) this.#tidy(now);
    return count;
  }

  #tidy(now: number): void {
    for (const [name, { endsAt }] of this.#counts) if (endsAt <= now) this.#counts.delete(name);
    this.#tidyAt = Math.max(TIDY_AT, this.#counts.size * 2);
  }
}

const nameOf = ({ id, startsAt }: Pick<Window, 'id' | 'startsAt'>) => `${startsAt} ${id}`;
