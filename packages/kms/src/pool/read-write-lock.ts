/** A read-write lock: any number of shared holders, or one exclusive holder. */
export class ReadWriteLock {
  #inside = 0;
  /** Resolves when the exclusive holder has left. */
  #alone: Promise<unknown> | undefined;
  #onEmpty: (() => void) | undefined;

  /** Runs work while other shared holders may run theirs. */
  async shared<T>(work: () => Promise<T>): Promise<T> {
    while (this.#alone !== undefined) await this.#alone;
    this.#inside += 1;
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) this.#onEmpty?.();
    }
  }

  /** Runs work without any other holder. The work must not take the lock itself. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    while (this.#alone !== undefined) await this.#alone;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#alone = promise;
    try {
      if (this.#inside > 0) await new Promise<void>((empty) => (this.#onEmpty = empty));
      return await work();
    } finally {
      this.#onEmpty = undefined;
      this.#alone = undefined;
      resolve(undefined);
    }
  }
}
