import { REFUSED_CHECK_BACK_OFF, TROUBLE_CHECK_BACK_OFF, backOffMs } from '../limits/back-off.ts';

/**
 * Failed requests of unknown cause start at most one check within this time, for the whole pool.
 */
const DOUBT_EVERY_MS = 3_000;

type Verdict = 'accepted' | 'refused' | 'unanswered';

/** The times of repeated checks: the delay grows with each failure in a row. */
export class CheckTimes {
  readonly #random: () => number;
  readonly #failures = new Map<string, { count: number; at: number }>();
  #doubtedAt: number | null = null;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Notes the verdict of a check. */
  note(keyId: string, verdict: Verdict, now: number): void {
    if (verdict === 'accepted') {
      this.#failures.delete(keyId);
      return;
    }
    const count = (this.#failures.get(keyId)?.count ?? 0) + 1;
    this.#failures.set(keyId, { count, at: now });
  }

  /** The time of the next check. */
  next(keyId: string, verdict: Verdict, now: number): number {
    const { count, at } = this.#failures.get(keyId) ?? { count: 1, at: now };
    const backOff = verdict === 'refused' ? REFUSED_CHECK_BACK_OFF : TROUBLE_CHECK_BACK_OFF;
    // After the clock was set back, a failure in the future counts as one at `now`.
    return Math.max(now, Math.min(at, now) + backOffMs(backOff, count, this.#random));
  }

  /** Forgets earlier failures. */
  reset(): void {
    this.#failures.clear();
  }

  /** The time at which a check may look into a failed request of unknown cause. */
  doubt(now: number): number {
    const at = Math.max(now, (this.#doubtedAt ?? -Infinity) + DOUBT_EVERY_MS);
    if (this.#doubtedAt === null || at === now || this.#doubtedAt > now) this.#doubtedAt = at;
    return at;
  }
}
