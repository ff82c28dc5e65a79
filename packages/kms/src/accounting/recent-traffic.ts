import type { TrafficStep } from './traffic-steps.ts';

/** The results of the requests of the last minutes. */
export interface RecentTraffic {
  /** The start of the first step with a failed, or a refused, request. */
  readonly failingSince: number | null;
  readonly refusedSince: number | null;
  readonly windowMs: number;
  readonly answered: number;
  /** Failed, or refused because every key was limited. */
  readonly failed: number;
  /** Of those failed: only a model or a provider was limited. */
  readonly modelLimited: number;
  /** Refused for the client's own mistake. */
  readonly refused: number;
  /** Of those refused: the access key was missing or wrong. */
  readonly unauthorized: number;
}

/** Sums up the steps of the last `windowMs`. */
export function recentTraffic(
  all: readonly TrafficStep[],
  windowMs: number,
  now: number,
): RecentTraffic {
  const steps = all.filter(({ at }) => at > now - windowMs && at <= now);
  const sum = (of: (step: TrafficStep) => number) =>
    steps.reduce((total, step) => total + of(step), 0);
  const failed = (step: TrafficStep) => step.failed + step.limited;
  const refused = (step: TrafficStep) => Math.max(0, step.refused - step.limited);
  return {
    failingSince: steps.find((step) => failed(step) > 0)?.at ?? null,
    refusedSince: steps.find((step) => refused(step) > 0)?.at ?? null,
    windowMs,
    answered: sum(({ answered }) => answered),
    failed: sum(failed),
    modelLimited: sum(({ modelLimited }) => modelLimited),
    refused: sum(refused),
    unauthorized: sum(({ unauthorized }) => unauthorized),
  };
}
