/**
 * Reports in progress, by key. A request that failed on a key asks for another key right after its
 * report, so the report must be applied first.
 */
export class ReportsUnderWay {
  readonly #byKey = new Map<string, Set<Promise<unknown>>>();

  /** Tracks a report on a key until it is applied. Returns the report. */
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

  /** Resolves when the reports on these keys are applied, or have failed. */
  async settled(keyIds: readonly string[]): Promise<void> {
    if (this.#byKey.size === 0) return;
    await Promise.allSettled(keyIds.flatMap((keyId) => [...(this.#byKey.get(keyId) ?? [])]));
  }
}
