import type { Clock } from '@openrouter-proxy/runtime';

/**
 * The clock of Redis, so that all machines of a pool share the time. Between heartbeats it runs at
 * this machine's pace, independent of this machine's own clock.
 */
export class RedisClock implements Clock {
  readonly #machine: Clock;
  readonly #elapsed: () => number;
  /** The offset of Redis' time from the elapsed time. */
  #offset: number;

  /** `elapsed`: monotonic time in milliseconds. */
  constructor(machine: Clock, elapsed: () => number) {
    this.#machine = machine;
    this.#elapsed = elapsed;
    this.#offset = machine.now() - elapsed();
  }

  now(): number {
    return Math.floor(this.#offset + this.#elapsed());
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#machine.sleep(ms, signal);
  }

  /**
   * Adjusts the clock to a time that Redis read between two moments. Moves it only as far as
   * needed, since the exact moment is unknown.
   */
  learn(redisNow: number, askedAt: number, answeredAt: number): void {
    const [least, most] = [redisNow - answeredAt, redisNow - askedAt];
    this.#offset = Math.min(Math.max(this.#offset, least), most);
  }
}
