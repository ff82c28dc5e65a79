import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@openrouter-proxy/runtime';
import {
  evidenceInstants,
  type Cause,
  type Evidence,
  type Outcome,
  type OutcomeKind,
} from '@openrouter-proxy/kms-protocol';

/** The longest cooldown any evidence may ask for: a month's key limit, and a day for its time zone. */
export const LONGEST_COOLDOWN_MS = 32 * DAY_MS;

/** How long a key rests that OpenRouter refuses because requests in flight hold its credits. */
const HELD_BUDGET_COOLDOWN_MS = 10 * SECOND_MS;

/** The longest that evidence may hold back a model, or the way to OpenRouter. */
const LONGEST_HOLD_MS = HOUR_MS;

/** The outcomes that speak of a limit on the key, or on its account. */
const LIMIT_KINDS = [
  'rate_limited',
  'free_tier_exhausted',
  'key_limit_reached',
  'credits_exhausted',
  'budget_exhausted',
  'in_flight_budget_held',
] as const satisfies readonly OutcomeKind[];

/** An outcome that speaks of a limit on the key or its account. */
export type LimitOutcome = Extract<Outcome, { kind: (typeof LIMIT_KINDS)[number] }>;

/** Whether an outcome speaks of a limit on the key or its account. */
export function limits(outcome: Outcome): outcome is LimitOutcome {
  return (LIMIT_KINDS as readonly OutcomeKind[]).includes(outcome.kind);
}

/** How often a key's own allowance is filled up again. */
export type LimitReset = 'daily' | 'weekly' | 'monthly';

/** What the configuration decides. */
export interface CooldownPolicy {
  /** For a limit that does not say when it ends, milliseconds. */
  readonly rateLimitCooldownMs: number;
}

/** When a cooldown ends, and what that was read from. */
export interface CooldownEnd {
  readonly until: number;
  readonly source: Cause['source'];
}

/** Limits of a key and budgets last up to a month; every other limit of OpenRouter ends within a day. */
function longest(outcome: LimitOutcome): number {
  const isBudget = outcome.kind === 'key_limit_reached' || outcome.kind === 'budget_exhausted';
  return isBudget ? LONGEST_COOLDOWN_MS : DAY_MS;
}

const nextMultiple = (now: number, step: number) => (Math.floor(now / step) + 1) * step;

/** When a key's own allowance is filled up next: at UTC midnight, of Monday, or of the first of the month. */
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

/** The best evidence that names an instant still to come, but none beyond `longestMs`; null: there is none. */
function bestEvidence(
  evidence: readonly Evidence[],
  now: number,
  longestMs: number,
): CooldownEnd | null {
  const [best] = evidenceInstants(evidence, now);
  if (best === undefined) return null;
  return { until: Math.ceil(Math.min(best.instant, now + longestMs)), source: best.from };
}

/** When the trouble of a model, or of the way to OpenRouter, ends by the upstream's own words; null: it does not say. */
export function evidenceEnd(
  { evidence }: { readonly evidence: readonly Evidence[] },
  now: number,
): CooldownEnd | null {
  return bestEvidence(evidence, now, LONGEST_HOLD_MS);
}

/**
 * When the limit behind an outcome ends: by the best evidence, else when the key's own allowance is
 * filled up again, if it is the key's and that is known, else by the default of its family (OpenRouter
 * docs, "Limits").
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
