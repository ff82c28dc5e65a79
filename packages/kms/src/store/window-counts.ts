import type { Window, WindowSnapshot } from './state-store.ts';

/** Counts of ended windows are removed once this many windows are counted. */
const TIDY_AT = 4_096;

/** The stored count of a window. */
export interface WindowCount {
  readonly id: string;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly used: number;
}

/** Counts the leases of each window, in memory. */
export class WindowCounts {
  readonly #counts = new Map<string, WindowCount>();
  /** By window: the part of its count that is not from leases given here. */
  readonly #adjusted = new Map<string, number>();
  #tidyAt = TIDY_AT;

  constructor(kept: Iterable<WindowCount> = []) {
    for (const count of kept) this.#counts.set(nameOf(count), count);
  }

  /** The number of leases in a window. */
  used(window: Window): number {
    return this.#counts.get(nameOf(window))?.used ?? 0;
  }

  /** Whether the window has no room for another lease. */
  isFull(window: Window): boolean {
    return window.limit !== null && this.used(window) >= window.limit;
  }

  /** The counts of windows that have not ended. */
  all(now: number): WindowCount[] {
    return [...this.#counts.values()].filter(({ endsAt }) => endsAt > now);
  }

  /** Adds or removes one lease. Returns the count. */
  add(window: Window, change: 1 | -1, now: number): WindowCount {
    return this.#set(window, Math.max(0, this.used(window) + change), now);
  }

  /** Raises the count to at least `used`. Returns the count. */
  raise(window: Window, used: number, now: number): WindowCount {
    const more = Math.max(0, used - this.used(window));
    this.#adjusted.set(nameOf(window), this.#adjustment(window) + more);
    return this.#set(window, this.used(window) + more, now);
  }

  /** Sets the count. */
  set(window: Window, used: number, now: number): WindowCount {
    return this.#set(window, used, now);
  }

  /** The number of leases given in a window, without corrections. */
  given(window: Window): number {
    return this.used(window) - this.#adjustment(window);
  }

  /** See `StateStore.reconcile`. It may be repeated with the same snapshot. */
  reconcile(window: Window, used: number, { given, inFlight }: WindowSnapshot): WindowCount {
    const adjusted = used + inFlight - given;
    const count = this.given(window) + adjusted;
    this.#adjusted.set(nameOf(window), adjusted);
    return this.#set(window, Math.max(0, count), window.startsAt);
  }

  /** See `StateStore.transfer`. */
  transfer(from: Window, to: Window): void {
    const used = this.used(from);
    this.#counts.delete(nameOf(from));
    this.#adjusted.delete(nameOf(from));
    if (used > 0) this.#set(to, this.used(to) + used, to.startsAt);
  }

  #adjustment(window: Window): number {
    return this.#adjusted.get(nameOf(window)) ?? 0;
  }

  #set({ id, startsAt, endsAt }: Window, used: number, now: number): WindowCount {
    const count = { id, startsAt, endsAt, used };
    this.#counts.set(nameOf(count), count);
    if (this.#counts.size >= this.#tidyAt) this.#tidy(now);
    return count;
  }

  #tidy(now: number): void {
    for (const [name, { endsAt }] of this.#counts) {
      if (endsAt > now) continue;
      this.#counts.delete(name);
      this.#adjusted.delete(name);
    }
    this.#tidyAt = Math.max(TIDY_AT, this.#counts.size * 2);
  }
}

const nameOf = ({ id, startsAt }: Pick<Window, 'id' | 'startsAt'>) => `${startsAt} ${id}`;
