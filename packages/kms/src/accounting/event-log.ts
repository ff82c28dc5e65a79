import type { PoolEvent } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';

/** How many events are remembered; who comes later than that has missed the older ones. */
const MAX_EVENTS = 500;
/** How many may wait for the next event at once. */
const MAX_WAITING = 1_000;

/** Without what the log gives each event itself. */
export type NewEvent = PoolEvent extends infer Event
  ? Event extends PoolEvent
    ? Omit<Event, 'id' | 'at'>
    : never
  : never;

/** The last changes in the pool, and those who wait for the next. */
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

  /** What has happened after an event, as soon as anything has, or when `waitMs` are over. Null: begin here. */
  async after(id: number | null, waitMs: number): Promise<{ events: PoolEvent[]; last: number }> {
    if (id === null) return { events: [], last: this.#last };
    // An id that was not given yet is of an earlier life of the service.
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
    const timeout = this.#clock.sleep(waitMs, giveUp.signal).catch(() => undefined); // it was in time
    await Promise.race([promise, timeout]);
    giveUp.abort();
    this.#waiting.delete(wake);
  }

  /** Ends all waits. */
  close(): void {
    for (const wake of this.#waiting) wake();
  }
}
