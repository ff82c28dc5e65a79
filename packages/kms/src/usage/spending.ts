import type { UsageTotals as Totals } from '@openrouter-proxy/kms-protocol';

/** What may differ without meaning anything: credits, and a share of what was spent here. */
const TOLERANCE_CREDITS = 0.01;
const TOLERANCE_SHARE = 0.05;
/** What an attempt may have cost of which nobody knows what it used, at the least, in credits. */
const COST_OF_UNKNOWN = 0.05;

/** What OpenRouter had charged to a key on a UTC day, and what was counted here, at one moment of that day. */
export interface ChargeMark {
  readonly day: string;
  readonly charged: number;
  readonly cost: number;
  readonly unknown: number;
}

type Counted = Pick<Totals, 'cost' | 'unknown'>;

/**
 * From when on a key's charges are compared with what was counted here: from the day's beginning if
 * they were watched before, else from the first look.
 */
export function chargeMark(
  before: ChargeMark | undefined,
  day: string,
  charged: number,
  counted: Counted,
): ChargeMark {
  if (before === undefined) {
    return { day, charged, cost: counted.cost, unknown: counted.unknown };
  }
  return before.day === day ? before : { day, charged: 0, cost: 0, unknown: 0 };
}

/** The credits charged to a key since the mark that were not spent here; null: none, within what may differ. */
export function unexplained(mark: ChargeMark, charged: number, counted: Counted): number | null {
  const cost = counted.cost - mark.cost;
  const drift = charged - mark.charged - cost;
  const excused = (counted.unknown - mark.unknown) * COST_OF_UNKNOWN;
  return drift > TOLERANCE_CREDITS + TOLERANCE_SHARE * cost + excused ? drift : null;
}
