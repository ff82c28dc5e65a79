import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@openrouter-proxy/runtime';
import {
  evidenceInstants,
  type Cause,
  type Evidence,
  type Outcome,
  type OutcomeKind,
} from '@openrouter-proxy/kms-protocol';

/** The longest cooldown that evidence may set: a month, and a day for its time zone. */
export const LONGEST_COOLDOWN_MS = 32 * DAY_MS;

/** The cooldown of a key while running requests hold its credits. */
const HELD_BUDGET_COOLDOWN_MS = 10 * SECOND_MS;

/** The longest limit on a model or the upstream that evidence may set. */
const LONGEST_HOLD_MS = HOUR_MS;

/** Outcomes caused by a limit of the key or its account. */
const LIMIT_KINDS = [
  'rate_limited',
  'free_tier_exhausted',
  'key_limit_reached',
  'credits_exhausted',
  'budget_exhausted',
  'in_flight_budget_held',
] as const satisfies readonly OutcomeKind[];

/** An outcome caused by a limit of the key or its account. */
export type LimitOutcome = Extract<Outcome, { kind: (typeof LIMIT_KINDS)[number] }>;

/** Whether an outcome is caused by a limit of the key or its account. */
export function limits(outcome: Outcome): outcome is LimitOutcome {
  return (LIMIT_KINDS as readonly OutcomeKind[]).includes(outcome.kind);
}

/** The period of a key's own credit limit. */
export type LimitReset = 'daily' | 'weekly' | 'monthly';

/** The configured part of cooldowns. */
export interface CooldownPolicy {
  /** For a limit without a stated end, in milliseconds. */
  readonly rateLimitCooldownMs: number;
}

/** The end of a cooldown, and the source of that end. */
export interface CooldownEnd {
  readonly until: number;
  readonly source: Cause['source'];
}

/** Key limits and budgets last up to a month. Every other limit of OpenRouter ends within a day. */
function longest(outcome: LimitOutcome): number {
  const isBudget = outcome.kind === 'key_limit_reached' || outcome.kind === 'budget_exhausted';
  return isBudget ? LONGEST_COOLDOWN_MS : DAY_MS;
}

const nextMultiple = (now: number, step: number) => (Math.floor(now / step) + 1) * step;

/**
 * The next reset of a key's own limit: at UTC midnight of a day, a Monday, or the first of a month.
 */
export function nextReset(reset: LimitReset, now: number): number {
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (reset) {
    case 'daily':
      return Date.UTC(year, month, day + 1);
    case 'weekly':
      return Date.UTC(year, month, day + 7 - ((date.getUTCDay() + 6) % 7));
    case 'monthly':
      return Date.UTC(year, month + 1, 1);
  }
}

function defaultEnd(outcome: LimitOutcome, now: number, policy: CooldownPolicy): CooldownEnd {
  switch (outcome.kind) {
    case 'free_tier_exhausted': {
      const until = nextMultiple(now, outcome.window === 'minute' ? MINUTE_MS : DAY_MS);
      return { until, source: 'window' };
    }
    case 'in_flight_budget_held':
      return { until: now + HELD_BUDGET_COOLDOWN_MS, source: 'default' };
    case 'rate_limited':
    case 'key_limit_reached':
    case 'credits_exhausted':
    case 'budget_exhausted': {
      const ms = Math.min(policy.rateLimitCooldownMs, LONGEST_COOLDOWN_MS);
      return { until: now + ms, source: 'default' };
    }
  }
}

/**
 * The end that the best evidence names, at most `longestMs` from now; null if none names a future
 * time.
 */
function bestEvidence(
  evidence: readonly Evidence[],
  now: number,
  longestMs: number,
): CooldownEnd | null {
  const [best] = evidenceInstants(evidence, now);
  if (best === undefined) return null;
  return { until: Math.ceil(Math.min(best.instant, now + longestMs)), source: best.from };
}

/** The stated end of a limit on a model or the upstream; null if there is none. */
export function evidenceEnd(
  { evidence }: { readonly evidence: readonly Evidence[] },
  now: number,
): CooldownEnd | null {
  return bestEvidence(evidence, now, LONGEST_HOLD_MS);
}

/**
 * The end of the limit behind an outcome. In this order: the best evidence, the known reset of the
 * key's own limit, the default of the outcome's family (OpenRouter docs, "Limits").
 */
export function cooldownEnd(
  outcome: LimitOutcome,
  now: number,
  policy: CooldownPolicy,
  reset: LimitReset | null = null,
): CooldownEnd {
  const said = bestEvidence(outcome.evidence, now, longest(outcome));
  if (said !== null) return said;
  if (outcome.kind === 'key_limit_reached' && reset !== null) {
    return { until: nextReset(reset, now), source: 'window' };
  }
  const { until, source } = defaultEnd(outcome, now, policy);
  return { until: Math.ceil(until), source };
}
