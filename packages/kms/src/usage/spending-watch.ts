import { readJson, type UsageTotals as Totals } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';
import { chargeMark, unexplained, type ChargeMark } from './spending.ts';
import type { UsageFile } from './usage-file.ts';
import { dayOf } from './usage-totals.ts';

/**
 * The stored form of a mark. A mark of another form is ignored: the next key check makes a new one.
 */
const chargeMarkForm: z.ZodType<ChargeMark> = z.object({
  day: z.string(),
  charged: z.number(),
  cost: z.number(),
  unknown: z.number(),
});

/** Compares OpenRouter's charges for each key with the usage here, to detect a leaked key. */
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

  /** Notes the charges of a UTC day. Returns the unexplained credits if they have grown. */
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

  /** The credits charged to a key today that were not spent here. */
  of(keyId: string, now: number): number | null {
    const found = this.#found.get(keyId);
    return found?.day === dayOf(now) ? found.credits : null;
  }
}
