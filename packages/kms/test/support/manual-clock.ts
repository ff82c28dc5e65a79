import type { Clock } from '@openrouter-proxy/runtime';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is moved; who sleeps wakes when it has been moved far enough. */
export class ManualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(now = Date.UTC(2026, 9, 2, 12)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers) {
      if (sleeper.at > this.#now) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const sleeper = { at: this.#now + ms, wake: () => resolve(undefined) };
    const onAbort = () => {
      this.#sleepers.delete(sleeper);
      reject(signal?.reason as Error);
    };
    if (signal?.aborted) onAbort();
    else {
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    }
    return promise;
  }
}
