/** How many observations wait at most until they are counted. */
const BATCH = 512;

/**
 * Counts later, many at once, or when somebody looks: between two requests the code that counts has left
 * the processor's caches, and costs several times as much.
 */
export class BatchedCounters {
  readonly #waiting: (() => void)[] = [];
  readonly #onError: (error: unknown) => void;

  /** `onError` is told of an observation that cannot be counted. The others are counted all the same. */
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
