import type { UsageTotals as Totals } from '@openrouter-proxy/kms-protocol';

/** Tolerated differences: in credits, and as a share of the credits spent here. */
const TOLERANCE_CREDITS = 0.01;
const TOLERANCE_SHARE = 0.05;
/** Credits assumed for an attempt with unknown usage. */
const COST_OF_UNKNOWN = 0.05;

/** A key's charges and its usage here, at one moment of a UTC day. */
export interface ChargeMark {
  readonly day: string;
  readonly charged: number;
  readonly cost: number;
  readonly unknown: number;
}

type Counted = Pick<Totals, 'cost' | 'unknown'>;

/**
 * The base of the comparison: the start of the day if the key was watched before, else the first
 * check.
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

/** Credits charged since the mark that were not spent here; null if the difference is tolerated. */
export function unexplained(mark: ChargeMark, charged: number, counted: Counted): number | null {
  const cost = counted.cost - mark.cost;
  const drift = charged - mark.charged - cost;
  const excused = (counted.unknown - mark.unknown) * COST_OF_UNKNOWN;
  return drift > TOLERANCE_CREDITS + TOLERANCE_SHARE * cost + excused ? drift : null;
}
