import { REFUSED_CHECK_BACK_OFF, TROUBLE_CHECK_BACK_OFF, backOffMs } from '../limits/back-off.ts';

/** Doubtful requests have `GET /key` asked at most this often, for the whole pool. */
const DOUBT_EVERY_MS = 3_000;

type Verdict = 'accepted' | 'refused' | 'unanswered';

/** When a check that did not find all well is repeated: the more often in a row, the later. */
export class CheckTimes {
  readonly #random: () => number;
  readonly #failures = new Map<string, { count: number; at: number }>();
  #doubtedAt: number | null = null;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Notes what a check found. */
  note(keyId: string, verdict: Verdict, now: number): void {
    if (verdict === 'accepted') {
      this.#failures.delete(keyId);
      return;
    }
    const count = (this.#failures.get(keyId)?.count ?? 0) + 1;
    this.#failures.set(keyId, { count, at: now });
  }

  /** When the key is to be asked about again. */
  next(keyId: string, verdict: Verdict, now: number): number {
    const { count, at } = this.#failures.get(keyId) ?? { count: 1, at: now };
    const backOff = verdict === 'refused' ? REFUSED_CHECK_BACK_OFF : TROUBLE_CHECK_BACK_OFF;
    // After the clock was set back, what failed in the future counts as failing now.
    return Math.max(now, Math.min(at, now) + backOffMs(backOff, count, this.#random));
  }

  /** Forgets what failed before: every key is asked about at once. */
  reset(): void {
    this.#failures.clear();
  }

  /** When a doubt may be looked into. */
  doubt(now: number): number {
    const at = Math.max(now, (this.#doubtedAt ?? -Infinity) + DOUBT_EVERY_MS);
    if (this.#doubtedAt === null || at === now || this.#doubtedAt > now) this.#doubtedAt = at;
    return at;
  }
}
