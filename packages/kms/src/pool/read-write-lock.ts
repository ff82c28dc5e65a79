/** Lets any number through at once, or one alone: who wants to be alone waits until the others have left. */
export class ReadWriteLock {
  #inside = 0;
  /** Resolves when whoever is alone has left. */
  #alone: Promise<unknown> | undefined;
  #onEmpty: (() => void) | undefined;

  /** Does work beside others. */
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

  /** Does work while nobody else is inside. It must not go through itself. */
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
