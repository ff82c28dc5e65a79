import { systemClock, type Clock } from '@openrouter-proxy/runtime';

/** A clock that stands still until it is moved. Sleeping takes real time. */
export class ManualClock implements Clock {
  #now: number;

  constructor(now = Date.UTC(2026, 9, 2, 12)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}
