/**
 * Reports that are being taken in, by key. A request that has tried a key asks for another right after
 * its report: what came of the first must be known before anything is said about the second.
 */
export class ReportsUnderWay {
  readonly #byKey = new Map<string, Set<Promise<unknown>>>();

  /** Notes a report on a key until it is taken in, and gives it back. */
  add<T>(keyId: string, report: Promise<T>): Promise<T> {
    const known = this.#byKey.get(keyId) ?? new Set();
    this.#byKey.set(keyId, known.add(report));
    const forget = () => {
      known.delete(report);
      if (known.size === 0 && this.#byKey.get(keyId) === known) this.#byKey.delete(keyId);
    };
    report.then(forget, forget);
    return report;
  }

  /** Resolves when those on these keys are taken in, or could not be. */
  async settled(keyIds: readonly string[]): Promise<void> {
    if (this.#byKey.size === 0) return;
    await Promise.allSettled(keyIds.flatMap((keyId) => [...(this.#byKey.get(keyId) ?? [])]));
  }
}
