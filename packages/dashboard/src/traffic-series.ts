import type { TrafficPoint } from '@openrouter-proxy/kms-protocol';

/** One line of a chart. Null: there is no value then. */
export interface Series {
  readonly label: string;
  /** Its colour: `--tone-…` in the style sheet. */
  readonly tone: string;
  /** Lengths of dashes and gaps in pixels; left out, the line is solid. */
  readonly dash?: readonly number[];
  readonly values: readonly (number | null)[];
}

/** Everything of some steps of time together. */
export interface TrafficTotals {
  readonly answered: number;
  readonly refused: number;
  readonly failed: number;
  readonly aborted: number;
  /** Of those refused: the access key was missing or wrong. */
  readonly unauthorized: number;
  readonly sent: number;
  readonly received: number;
}

/** Requests that ended, however they did. */
export function requestsOf(
  point: Pick<TrafficTotals, 'answered' | 'refused' | 'failed' | 'aborted'>,
): number {
  return point.answered + point.refused + point.failed + point.aborted;
}

const QUIET = { answered: 0, refused: 0, failed: 0, aborted: 0, unauthorized: 0 };

/** Adds steps up. */
export function trafficTotals(points: readonly TrafficPoint[]): TrafficTotals {
  const zero = { ...QUIET, sent: 0, received: 0 };
  return points.reduce<TrafficTotals>(
    (sum, point) => ({
      answered: sum.answered + point.answered,
      refused: sum.refused + point.refused,
      failed: sum.failed + point.failed,
      aborted: sum.aborted + point.aborted,
      unauthorized: sum.unauthorized + point.unauthorized,
      sent: sum.sent + point.sent,
      received: sum.received + point.received,
    }),
    zero,
  );
}

/** Counts of steps of time, as so much per second. */
export function perSecond(counts: readonly number[], stepMs: number): number[] {
  return counts.map((count) => (1000 * count) / stepMs);
}

/** Steps of time put together to longer ones, for reading rather than drawing. */
export interface TrafficRow extends TrafficTotals {
  readonly at: number;
  /** The median of the steps' medians, and the worst of their 95th percentiles; null: no content. */
  readonly firstContentP50Ms: number | null;
  readonly firstContentP95Ms: number | null;
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);

/** Steps of time put together to rows of `lengthMs`, the oldest first. */
export function trafficRows(points: readonly TrafficPoint[], lengthMs: number): TrafficRow[] {
  const groups = Map.groupBy(points, ({ at }) => Math.floor(at / lengthMs) * lengthMs);
  return [...groups].map(([at, group]) => {
    const slowest = known(group.map(({ firstContentP95Ms }) => firstContentP95Ms));
    return {
      at,
      ...trafficTotals(group),
      firstContentP50Ms: median(known(group.map((point) => point.firstContentP50Ms))),
      firstContentP95Ms: slowest.length === 0 ? null : Math.max(...slowest),
    };
  });
}

/** Lines laid on top of each other: each is the sum of itself and those below it. */
export function stacked(series: readonly Series[]): Series[] {
  let below: readonly (number | null)[] = [];
  return series.map((line) => {
    below = line.values.map((value, index) => (value ?? 0) + (below[index] ?? 0));
    return { ...line, values: below };
  });
}

const HOUR = 3_600_000;

/**
 * The steps of the hour before `now` that are over: one that is still counted would look like a drop.
 * Steps nothing is told of are those in which nothing happened.
 */
export function lastHour(
  points: readonly TrafficPoint[],
  stepMs: number,
  now: number,
): TrafficPoint[] {
  const known = new Map(points.map((point) => [Math.floor(point.at / stepMs), point]));
  const end = Math.floor(now / stepMs);
  const first = end - Math.floor(HOUR / stepMs);
  return Array.from({ length: end - first }, (_, index) => {
    const step = first + index;
    return known.get(step) ?? quietPoint(step * stepMs);
  });
}

function quietPoint(at: number): TrafficPoint {
  return { at, ...QUIET, sent: 0, received: 0, firstContentP50Ms: null, firstContentP95Ms: null };
}
