import type { Clock } from '@openrouter-proxy/runtime';

/**
 * Redis' clock, as far as it is known here: machines that share a pool share the time. Between two looks
 * it goes on at the pace of this machine, whatever becomes of the machine's own clock.
 */
export class RedisClock implements Clock {
  readonly #machine: Clock;
  readonly #elapsed: () => number;
  /** What is added to the time elapsed. */
  #offset: number;

  /** `elapsed`: milliseconds since some moment, never set back. */
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
   * Takes in what Redis said between two moments of the time elapsed. Moves only as far as it must: at
   * which of these moments Redis looked at its clock is not known.
   */
  learn(redisNow: number, askedAt: number, answeredAt: number): void {
    const [least, most] = [redisNow - answeredAt, redisNow - askedAt];
    this.#offset = Math.min(Math.max(this.#offset, least), most);
  }
}
