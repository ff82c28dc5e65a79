import type { PoolEvent } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';

/** The most remembered events: later readers miss the older ones. */
const MAX_EVENTS = 500;
/** The most readers that wait for the next event. */
const MAX_WAITING = 1_000;

/** An event without the members that the log sets. */
export type NewEvent = PoolEvent extends infer Event
  ? Event extends PoolEvent
    ? Omit<Event, 'id' | 'at'>
    : never
  : never;

/** The last changes of the pool, and the readers that wait for the next one. */
export class EventLog {
  readonly #clock: Clock;
  #events: PoolEvent[] = [];
  #last = 0;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(event: NewEvent): void {
    this.#last += 1;
    this.#events.push({ ...event, id: this.#last, at: this.#clock.now() });
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
    for (const wake of this.#waiting) wake();
  }

  /**
   * The events after an id, once there are any, or after `waitMs`. Null starts at the current end.
   */
  async after(id: number | null, waitMs: number): Promise<{ events: PoolEvent[]; last: number }> {
    if (id === null) return { events: [], last: this.#last };
    // An id that was not given yet is of an earlier process.
    const from = id > this.#last ? 0 : id;
    if (from === this.#last && waitMs > 0 && this.#waiting.size < MAX_WAITING) {
      await this.#next(waitMs);
    }
    return { events: this.#events.filter((event) => event.id > from), last: this.#last };
  }

  async #next(waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = () => resolve(undefined);
    this.#waiting.add(wake);
    const giveUp = new AbortController();
    const timeout = this.#clock.sleep(waitMs, giveUp.signal).catch(() => undefined); // an event came first
    await Promise.race([promise, timeout]);
    giveUp.abort();
    this.#waiting.delete(wake);
  }

  /** Ends all waits. */
  close(): void {
    for (const wake of this.#waiting) wake();
  }
}
