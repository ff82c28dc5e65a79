/** The most observations that wait to be counted. */
const BATCH = 512;

/**
 * Counts in batches, and before each scrape. Counting after every request is several times as slow, because the
 * code has left the processor's caches in between.
 */
export class BatchedCounters {
  readonly #waiting: (() => void)[] = [];
  readonly #onError: (error: unknown) => void;

  /** `onError` gets the error of an observation that cannot be counted. The others are counted anyway. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  add(count: () => void): void {
    this.#waiting.push(count);
    if (this.#waiting.length >= BATCH) this.countAll();
  }

  countAll(): void {
    for (const count of this.#waiting.splice(0)) {
      try {
        count();
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
