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

const ZERO: TrafficTotals = {
  answered: 0,
  refused: 0,
  failed: 0,
  aborted: 0,
  unauthorized: 0,
  sent: 0,
  received: 0,
};

/** Requests that ended, however they did. */
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
  /** How long it has lasted: the running step less than the others. */
  readonly lengthMs: number;
}

/** Of the running step, before its rate says anything. */
const EARLY = 0.25;

/**
 * The steps to draw. The running one is left out at its beginning. Where traffic began within the
 * range, a quiet step comes before it, so that the line rises from the ground.
 */
export function drawnSteps({ since, stepMs, points }: Traffic, now: number): DrawnStep[] {
  const steps = points.map((point) => ({ point, lengthMs: Math.min(stepMs, now - point.at) }));
  const last = steps.at(-1);
  if (last && steps.length > 1 && last.lengthMs < EARLY * stepMs) steps.pop();
  const [first] = points;
  if (first === undefined || first.at <= since) return steps;
  const quiet = {
    ...ZERO,
    at: first.at - stepMs,
    firstContentP50Ms: null,
    firstContentP95Ms: null,
  };
  return [{ point: { ...first, ...quiet }, lengthMs: stepMs }, ...steps];
}

const MINUTE = 60_000;

/** What is counted in each step, as so much per minute. */
export function perMinute(
  steps: readonly DrawnStep[],
  of: (point: TrafficPoint) => number,
): number[] {
  return steps.map(({ point, lengthMs }) => (of(point) * MINUTE) / Math.max(lengthMs, 1));
}

/** Lines laid on top of each other: each is the sum of itself and those below it. */
export function stacked(series: readonly Series[]): Series[] {
  let below: readonly (number | null)[] = [];
  return series.map((line) => {
    below = line.values.map((value, index) => (value ?? 0) + (below[index] ?? 0));
    return { ...line, values: below };
  });
}
