import type { RequestEnd, TrafficPoint } from '@openrouter-proxy/kms-protocol';
import { outcomeOf } from './request-filter.ts';

/** The length of a step, and how many are remembered: an hour. */
const STEP_MS = 10_000;
const MAX_STEPS = 360;
/** As many durations of a step are kept to tell their percentiles; of more, an even share. */
const MAX_SAMPLES = 200;

interface Step {
  readonly at: number;
  answered: number;
  refused: number;
  failed: number;
  aborted: number;
  sent: number;
  received: number;
  /** How many first contents there were; `samples` holds some of their durations. */
  begun: number;
  readonly samples: number[];
}

/** The traffic of the last hour, in steps. */
export class Traffic {
  /** The oldest first. */
  readonly #steps: Step[] = [];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Counts a request that ended about `now`. */
  add(end: RequestEnd, now: number): void {
    const step = this.#stepAt(now);
    step[outcomeOf(end)] += 1;
    step.sent += end.usage?.sent ?? 0;
    step.received += end.usage?.received ?? 0;
    if (end.firstContentMs === null) return;
    step.begun += 1;
    const place = Math.floor(this.#random() * step.begun);
    if (step.samples.length < MAX_SAMPLES) step.samples.push(end.firstContentMs);
    else if (place < MAX_SAMPLES) step.samples[place] = end.firstContentMs;
  }

  /** The steps since an instant, the running one included; those without traffic are there too. */
  query(since: number, now: number): { stepMs: number; points: TrafficPoint[] } {
    const last = startOf(now);
    const first = Math.max(startOf(since), last - (MAX_STEPS - 1) * STEP_MS);
    const known = new Map(this.#steps.map((step) => [step.at, step]));
    const points: TrafficPoint[] = [];
    for (let at = first; at <= last; at += STEP_MS)
      points.push(pointOf(known.get(at) ?? empty(at)));
    return { stepMs: STEP_MS, points };
  }

  #stepAt(now: number): Step {
    const at = startOf(now);
    const last = this.#steps.at(-1);
    // After the clock was set back, what was counted in the future is forgotten.
    if (last !== undefined && last.at > at) this.#steps.length = 0;
    else if (last?.at === at) return last;
    const step = empty(at);
    this.#steps.push(step);
    if (this.#steps.length > MAX_STEPS) this.#steps.shift();
    return step;
  }
}

const startOf = (instant: number) => Math.floor(instant / STEP_MS) * STEP_MS;

function empty(at: number): Step {
  const none = { answered: 0, refused: 0, failed: 0, aborted: 0, sent: 0, received: 0, begun: 0 };
  return { at, ...none, samples: [] };
}

function pointOf(step: Step): TrafficPoint {
  const { at, answered, refused, failed, aborted, sent, received } = step;
  const sorted = step.samples.toSorted((a, b) => a - b);
  return {
    ...{ at, answered, refused, failed, aborted, sent, received },
    firstContentP50Ms: percentile(sorted, 0.5),
    firstContentP95Ms: percentile(sorted, 0.95),
  };
}

/** Nearest rank. */
function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.ceil(share * sorted.length) - 1] ?? null;
}
