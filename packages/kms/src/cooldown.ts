import type { Cause, Evidence, Outcome, OutcomeKind } from '@openrouter-proxy/kms-protocol';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** A day, in milliseconds. */
export const DAY = 24 * HOUR;

/** The longest cooldown any evidence may ask for: a month's key limit, and a day for its time zone. */
export const LONGEST_COOLDOWN_MS = 32 * DAY;

/** How long a key rests that OpenRouter refuses because requests in flight hold its credits. */
const HELD_BUDGET_COOLDOWN_MS = 10 * SECOND;

/** The outcomes after which a key rests. */
const COOLING_KINDS = [
  'rate_limited',
  'free_tier_exhausted',
  'key_limit_reached',
  'credits_exhausted',
  'budget_exhausted',
  'in_flight_budget_held',
] as const satisfies readonly OutcomeKind[];

/** An outcome after which a key rests until its limit ends. */
export type CoolingOutcome = Extract<Outcome, { kind: (typeof COOLING_KINDS)[number] }>;

/** Whether an outcome speaks of a limit on the key or its account. */
export function cools(outcome: Outcome): outcome is CoolingOutcome {
  return (COOLING_KINDS as readonly OutcomeKind[]).includes(outcome.kind);
}

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

/** The most exact first: instants before durations, what OpenRouter sets before what it passes on. */
const AUTHORITY: readonly Evidence['field'][] = [
  'x-ratelimit-reset',
  'resets_at',
  'retry_after_seconds',
  'retry-after',
];

const NUMBER = /^\d+(?:\.\d+)?$/;
const ISO_INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?$/i;
const HTTP_DATE = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i;

/** Milliseconds since the epoch as OpenRouter sends it, seconds since the epoch, or seconds from now. */
function resetInstant(text: string, now: number): number {
  if (!NUMBER.test(text)) return NaN;
  const value = Number(text);
  if (value >= 1e11) return value;
  return value >= 1e9 ? value * SECOND : now + value * SECOND;
}

const afterSeconds = (text: string, now: number) =>
  NUMBER.test(text) ? now + Number(text) * SECOND : NaN;

/** RFC 9110, section 10.2.3: seconds or a date, of which all three forms are in GMT. */
function retryAfter(text: string, now: number): number {
  if (!HTTP_DATE.test(text)) return afterSeconds(text, now);
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
}

function isoInstant(text: string): number {
  const zone = ISO_INSTANT.exec(text);
  if (zone === null) return NaN;
  return Date.parse(zone[1] === undefined ? `${text}Z` : text);
}

/** The instant a piece of evidence names; NaN if it names none. */
function instantOf({ field, value }: Evidence, now: number): number {
  const text = value.trim();
  switch (field) {
    case 'x-ratelimit-reset':
      return resetInstant(text, now);
    case 'resets_at':
      return isoInstant(text);
    case 'retry_after_seconds':
      return afterSeconds(text, now);
    case 'retry-after':
      return retryAfter(text, now);
  }
}

const byAuthority = (a: Evidence, b: Evidence) =>
  AUTHORITY.indexOf(a.field) - AUTHORITY.indexOf(b.field) ||
  Number(a.from === 'body') - Number(b.from === 'body');

/** Limits of a key and budgets last up to a month; every other limit of OpenRouter ends within a day. */
function longest(outcome: CoolingOutcome): number {
  const isBudget = outcome.kind === 'key_limit_reached' || outcome.kind === 'budget_exhausted';
  return isBudget ? LONGEST_COOLDOWN_MS : DAY;
}

const nextMultiple = (now: number, step: number) => (Math.floor(now / step) + 1) * step;

function defaultEnd(outcome: CoolingOutcome, now: number, policy: CooldownPolicy): number {
  switch (outcome.kind) {
    case 'free_tier_exhausted':
      return nextMultiple(now, outcome.window === 'minute' ? MINUTE : DAY);
    case 'in_flight_budget_held':
      return now + HELD_BUDGET_COOLDOWN_MS;
    case 'rate_limited':
    case 'key_limit_reached':
    case 'credits_exhausted':
    case 'budget_exhausted':
      return now + Math.min(policy.rateLimitCooldownMs, LONGEST_COOLDOWN_MS);
  }
}

/**
 * When the limit behind an outcome ends: by the best evidence that names an instant still to come,
 * else by the default of its family (OpenRouter docs, "Limits").
 */
export function cooldownEnd(
  outcome: CoolingOutcome,
  now: number,
  policy: CooldownPolicy,
): CooldownEnd {
  for (const evidence of outcome.evidence.toSorted(byAuthority)) {
    const instant = instantOf(evidence, now);
    if (instant > now) {
      const until = Math.ceil(Math.min(instant, now + longest(outcome)));
      return { until, source: evidence.from };
    }
  }
  return { until: Math.ceil(defaultEnd(outcome, now, policy)), source: 'default' };
}
