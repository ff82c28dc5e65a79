import { readJson, type UsageTotals as Totals } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';
import { chargeMark, unexplained, type ChargeMark } from './spending.ts';
import type { UsageFile } from './usage-file.ts';
import { dayOf } from './usage-totals.ts';

/** A mark as it is kept; one of another form is passed over: it is made again at the next key check. */
const chargeMarkForm: z.ZodType<ChargeMark> = z.object({
  day: z.string(),
  charged: z.number(),
  cost: z.number(),
  unknown: z.number(),
});

/** Compares what OpenRouter charges to each key with what was spent here: a key that leaked is used elsewhere. */
export class SpendingWatch {
  readonly #file: UsageFile;
  readonly #marks = new Map<string, ChargeMark>();
  readonly #found = new Map<string, { day: string; credits: number }>();

  constructor(file: UsageFile) {
    this.#file = file;
    for (const [keyId, json] of file.marks()) {
      const mark = readJson(json, chargeMarkForm);
      if (mark !== undefined) this.#marks.set(keyId, mark);
    }
  }

  /** Takes in what was charged on the UTC day of `now`; the credits nobody spent here, if they are news. */
  take(keyId: string, charged: number, counted: Totals, now: number): number | null {
    const day = dayOf(now);
    const before = this.#marks.get(keyId);
    const mark = chargeMark(before, day, charged, counted);
    if (mark !== before) {
      this.#marks.set(keyId, mark);
      this.#file.keepMark(keyId, JSON.stringify(mark));
    }
    const credits = unexplained(mark, charged, counted);
    const known = this.of(keyId, now);
    if (credits === null) this.#found.delete(keyId);
    else this.#found.set(keyId, { day, credits });
    return credits !== null && credits > (known ?? 0) ? credits : null;
  }

  /** What was charged to a key today and not spent here. */
  of(keyId: string, now: number): number | null {
    const found = this.#found.get(keyId);
    return found?.day === dayOf(now) ? found.credits : null;
  }
}
