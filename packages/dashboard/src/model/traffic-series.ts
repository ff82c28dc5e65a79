import { MINUTE_MS } from '@openrouter-proxy/runtime/time';
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

/** The totals of several time steps. */
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

const ZERO: TrafficTotals = {
  answered: 0,
  refused: 0,
  failed: 0,
  aborted: 0,
  unauthorized: 0,
  sent: 0,
  received: 0,
};

/** All ended requests. */
export function requestsOf(
  point: Pick<TrafficTotals, 'answered' | 'refused' | 'failed' | 'aborted'>,
): number {
  return point.answered + point.refused + point.failed + point.aborted;
}

/** Adds steps up. */
export function trafficTotals(points: readonly TrafficPoint[]): TrafficTotals {
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
    ZERO,
  );
}

/** The traffic of the chosen range. */
export interface Traffic {
  readonly since: number;
  readonly stepMs: number;
  /** From the first step with traffic to the running one. */
  readonly points: readonly TrafficPoint[];
}

/** A step as it is drawn. */
export interface DrawnStep {
  readonly point: TrafficPoint;
  /** What its rates are made of: the step, or the minute that ends with it if that is longer. */
  readonly counted: TrafficTotals;
  /** How long that is. */
  readonly countedMs: number;
}

/** Part of the running step that must have passed before its rate says anything. */
const EARLY = 0.25;

/**
 * The steps to draw. Rates are those of at least a minute: one request in ten seconds is one per
 * minute, not six. The running step is left out until it has lasted long enough; so are steps whose
 * minute begins before the range. Where traffic began within the range, a quiet step comes before it,
 * so that the line rises from the ground.
 */
export function drawnSteps({ since, stepMs, points }: Traffic, now: number): DrawnStep[] {
  const before = Math.max(0, Math.ceil(MINUTE_MS / stepMs) - 1);
  const steps = points.map((point, index): DrawnStep => {
    const counted = trafficTotals(points.slice(Math.max(0, index - before), index + 1));
    const lasted = Math.min(stepMs, now - point.at);
    return { point, counted, countedMs: Math.max(lasted, MINUTE_MS) };
  });
  const last = points.at(-1);
  const enough = Math.min(stepMs, Math.max(MINUTE_MS, EARLY * stepMs));
  if (last && steps.length > 1 && now - last.at < enough) steps.pop();
  const [first] = points;
  if (first === undefined) return [];
  if (first.at <= since) return steps.length > before ? steps.slice(before) : steps;
  const quiet = { ...first, ...ZERO, at: first.at - stepMs };
  const point = { ...quiet, firstContentP50Ms: null, firstContentP95Ms: null };
  return [{ point, counted: ZERO, countedMs: MINUTE_MS }, ...steps];
}

/** What is counted in each step, as so much per minute. */
export function perMinute(
  steps: readonly DrawnStep[],
  of: (counted: TrafficTotals) => number,
): number[] {
  return steps.map(({ counted, countedMs }) => (of(counted) * MINUTE_MS) / countedMs);
}

/** Lines laid on top of each other: each is the sum of itself and those below it. */
export function stacked(series: readonly Series[]): Series[] {
  let below: readonly (number | null)[] = [];
  return series.map((line) => {
    below = line.values.map((value, index) => (value ?? 0) + (below[index] ?? 0));
    return { ...line, values: below };
  });
}
