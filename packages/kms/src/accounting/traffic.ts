import { MINUTE_MS, SECOND_MS } from '@openrouter-proxy/runtime';
import type { RequestSummary, TrafficPoint } from '@openrouter-proxy/kms-protocol';
import { recentTraffic, type RecentTraffic } from './recent-traffic.ts';
import { TrafficSteps, type TrafficStep } from './traffic-steps.ts';
import { plus } from '../usage/usage-columns.ts';

/** Short steps for the last hour, long ones for the last day. */
const SHORT = { stepMs: 10 * SECOND_MS, maxSteps: 360 };
const LONG = { stepMs: 5 * MINUTE_MS, maxSteps: 288 };

/** The step lengths of answers: round ones, multiples of the recorded steps. */
const SHORT_LENGTHS = [10 * SECOND_MS, 20 * SECOND_MS, 30 * SECOND_MS, MINUTE_MS, 2 * MINUTE_MS];
const LONG_LENGTHS = [5, 10, 20, 30, 60].map((minutes) => minutes * MINUTE_MS);

const MAX_POINTS = 1_000;

/** Percentiles cover at least this time: those of few requests jump with each slow one. */
const PERCENTILE_MS = MINUTE_MS;

/** The answer to a query. */
export interface TrafficHistory {
  readonly stepMs: number;
  readonly points: TrafficPoint[];
}

/** The traffic of the last day, in steps of time. */
export class Traffic {
  readonly #short: TrafficSteps;
  readonly #long: TrafficSteps;

  constructor(random: () => number) {
    this.#short = new TrafficSteps(SHORT, random);
    this.#long = new TrafficSteps(LONG, random);
  }

  /** Counts a request that ended about `now`. */
  add(end: RequestSummary, now: number): void {
    this.#short.add(end, now);
    this.#long.add(end, now);
  }

  /** Counts requests with a missing or wrong access key. */
  addUnauthorized(count: number, now: number): void {
    this.#short.addUnauthorized(count, now);
    this.#long.addUnauthorized(count, now);
  }

  /** The results of the requests of the last `windowMs`. */
  recent(windowMs: number, now: number): RecentTraffic {
    return recentTraffic(this.#short.all(), windowMs, now);
  }

  /**
   * The steps since an instant, from the first with traffic to the running one. The steps are as
   * short as `maxPoints` of them allow; within the last hour they can be shorter.
   */
  query(since: number, now: number, maxPoints = MAX_POINTS): TrafficHistory {
    const shortFrom = now - SHORT.stepMs * (SHORT.maxSteps - 1);
    const isRecent = Math.max(since, this.#long.firstSince(since) ?? now) >= shortFrom;
    const kept = isRecent ? this.#short : this.#long;
    const lengths = isRecent ? SHORT_LENGTHS : LONG_LENGTHS;
    const first = kept.firstSince(since);
    const from = first ?? now;
    const stepMs =
      lengths.find((length) => stepsBetween(from, now, length) <= maxPoints) ?? lengths.at(-1) ?? 0;
    if (first === null) return { stepMs, points: [] };
    const earliest = startOf(now, stepMs) - (maxPoints - 1) * stepMs;
    return {
      stepMs,
      points: pointsOf(kept, Math.max(startOf(from, stepMs), earliest), now, stepMs),
    };
  }
}

const startOf = (instant: number, stepMs: number) => Math.floor(instant / stepMs) * stepMs;

const stepsBetween = (from: number, to: number, stepMs: number) =>
  (startOf(to, stepMs) - startOf(from, stepMs)) / stepMs + 1;

function pointsOf(kept: TrafficSteps, from: number, to: number, stepMs: number): TrafficPoint[] {
  const groups = Map.groupBy(kept.all(), ({ at }) => startOf(at, stepMs));
  const points: TrafficPoint[] = [];
  for (let at = from; at <= to; at += stepMs) {
    const end = at + stepMs;
    const lately = end - Math.max(stepMs, PERCENTILE_MS);
    const timed = kept.all().filter((step) => step.at >= lately && step.at < end);
    points.push(pointOf(at, groups.get(at) ?? [], timed));
  }
  return points;
}

/** A point with what ended in `steps`, and the percentiles of `timed`. */
function pointOf(
  at: number,
  steps: readonly TrafficStep[],
  timed: readonly TrafficStep[],
): TrafficPoint {
  const sum = (of: (step: TrafficStep) => number) =>
    steps.reduce((all, step) => plus(all, of(step)), 0);
  const durations = weightedDurations(timed);
  return {
    at,
    answered: sum(({ answered }) => answered),
    refused: sum(({ refused }) => refused),
    failed: sum(({ failed }) => failed),
    aborted: sum(({ aborted }) => aborted),
    unauthorized: sum(({ unauthorized }) => unauthorized),
    sent: sum(({ sent }) => sent),
    received: sum(({ received }) => received),
    firstContentP50Ms: percentile(durations, 0.5),
    firstContentP95Ms: percentile(durations, 0.95),
  };
}

/** A duration, and the number of requests that it represents. */
interface Weighted {
  readonly ms: number;
  readonly weight: number;
}

/** The sampled durations of all steps, the shortest first. */
function weightedDurations(steps: readonly TrafficStep[]): Weighted[] {
  return steps
    .flatMap(({ begun, samples }) => samples.map((ms) => ({ ms, weight: begun / samples.length })))
    .sort((a, b) => a.ms - b.ms);
}

/** Nearest rank: the shortest duration that at least this share of the requests does not exceed. */
function percentile(sorted: readonly Weighted[], share: number): number | null {
  const wanted = share * sorted.reduce((sum, { weight }) => sum + weight, 0);
  let reached = 0;
  for (const { ms, weight } of sorted) {
    reached += weight;
    if (reached >= wanted - EPSILON) return ms;
  }
  return null;
}

/** Sums of fractions are inexact. */
const EPSILON = 1e-6;
