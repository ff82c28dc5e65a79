/** As many as gateways can be sending again at the same time, and more. */
const MAX_BATCHES = 1_000;

/** Remembers the last batches that gateways have sent, since a batch whose answer was lost comes again. */
export class SeenBatches {
  /** The oldest first. */
  readonly #names = new Set<string>();

  /** Whether a batch comes for the first time. */
  isNew(name: string): boolean {
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    if (this.#names.size > MAX_BATCHES) {
      const [oldest = ''] = this.#names;
      this.#names.delete(oldest);
    }
    return true;
  }
}
