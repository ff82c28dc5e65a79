/** More than gateways can be resending at the same time. */
const MAX_BATCHES = 1_000;

/** Remembers the last batches of gateways: a batch is sent again when its answer was lost. */
export class SeenBatches {
  /** The oldest first. */
  readonly #names = new Set<string>();

  /** Whether a batch is new. */
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
