import { outcomeOfRequest, type RequestSummary } from '@openrouter-proxy/kms-protocol';
import { plus } from '../usage/usage-columns.ts';

/** The most sampled durations of a step. */
const MAX_SAMPLES = 200;

/** The requests that ended in one step of time. */
export interface TrafficStep {
  readonly at: number;
  answered: number;
  refused: number;
  failed: number;
  aborted: number;
  /** Of those refused: for a missing or wrong access key, and because every key was limited. */
  unauthorized: number;
  limited: number;
  /** Of those limited: by a model or a provider, while keys could serve other models. */
  modelLimited: number;
  sent: number;
  received: number;
  /** The number of first contents; `samples` has some of their durations. */
  begun: number;
  readonly samples: number[];
}

const NOTHING = {
  ...{ answered: 0, refused: 0, failed: 0, aborted: 0, unauthorized: 0, limited: 0 },
  ...{ modelLimited: 0, sent: 0, received: 0, begun: 0 },
};

const LIMITS: readonly (string | null)[] = ['keys_limited', 'model_limited'];

/** Whether a limit refused it: with 429, or with 403 where the client repeated it too early. */
const isLimited = ({ status, failure }: RequestSummary) =>
  status === 429 || (status === 403 && LIMITS.includes(failure));

/** The latest steps of one length that have traffic, the oldest first. */
export class TrafficSteps {
  readonly #steps: TrafficStep[] = [];
  readonly #stepMs: number;
  readonly #maxSteps: number;
  readonly #random: () => number;

  constructor(size: { stepMs: number; maxSteps: number }, random: () => number) {
    this.#stepMs = size.stepMs;
    this.#maxSteps = size.maxSteps;
    this.#random = random;
  }

  /** Counts a request that ended about `now`. */
  add(end: RequestSummary, now: number): void {
    const step = this.#stepAt(now);
    step[outcomeOfRequest(end)] += 1;
    if (isLimited(end)) {
      step.limited += 1;
      if (end.failure !== 'keys_limited') step.modelLimited += 1;
    }
    step.sent = plus(step.sent, end.usage?.sent ?? 0);
    step.received = plus(step.received, end.usage?.received ?? 0);
    if (end.firstContentMs === null) return;
    step.begun += 1;
    const place = Math.floor(this.#random() * step.begun);
    if (step.samples.length < MAX_SAMPLES) step.samples.push(end.firstContentMs);
    else if (place < MAX_SAMPLES) step.samples[place] = end.firstContentMs;
  }

  /** Counts requests with a missing or wrong access key. */
  addUnauthorized(count: number, now: number): void {
    if (count === 0) return;
    const step = this.#stepAt(now);
    step.refused += count;
    step.unauthorized += count;
  }

  /** Every remembered step. */
  all(): readonly TrafficStep[] {
    return this.#steps;
  }

  /** The start of the first step with traffic that reaches past an instant; null without one. */
  firstSince(since: number): number | null {
    return this.#steps.find(({ at }) => at + this.#stepMs > since)?.at ?? null;
  }

  #stepAt(now: number): TrafficStep {
    const at = Math.floor(now / this.#stepMs) * this.#stepMs;
    const last = this.#steps.at(-1);
    // After the clock was set back, counts in the future are deleted.
    if (last !== undefined && last.at > at) this.#steps.length = 0;
    else if (last?.at === at) return last;
    const step = { at, ...NOTHING, samples: [] };
    this.#steps.push(step);
    while ((this.#steps[0]?.at ?? at) <= at - this.#maxSteps * this.#stepMs) this.#steps.shift();
    return step;
  }
}
