import { MINUTE_MS } from '@openrouter-proxy/runtime';
import type { Outcome, OutcomeKind } from '@openrouter-proxy/kms-protocol';
import {
  BLOCK_BACK_OFF,
  CONNECTION_BACK_OFF,
  DEBT_BACK_OFF,
  MODEL_BACK_OFF,
  UNKNOWN_BACK_OFF,
  type BackOff,
} from './back-off.ts';
import {
  cooldownEnd,
  evidenceEnd,
  limits,
  type CooldownEnd,
  type CooldownPolicy,
} from './cooldown.ts';
import type { CircuitSubject } from './limit.ts';
import type { Subject } from './limit.ts';
import { poolOf } from './model-pool.ts';

/** The subject of a report. */
export interface About {
  readonly keyId: string;
  readonly account: string;
  /** Null if unknown. */
  readonly model: string | null;
}

/** The effect of an outcome beyond the key itself. */
export type OutcomeEffect =
  /** The subject cannot serve until the end. */
  | { readonly kind: 'limit'; readonly subject: Subject; readonly end: CooldownEnd }
  /** The subject cannot serve for a time that grows. */
  | { readonly kind: 'back-off'; readonly subject: Subject; readonly backOff: BackOff }
  /** One request failed: the circuit breaker decides whether the subject fails for others too. */
  | {
      readonly kind: 'failure';
      readonly subject: CircuitSubject;
      readonly backOff: BackOff;
      /** The stated end; null if there is none. */
      readonly said: CooldownEnd | null;
    }
  /**
   * The subject serves: failures in a row end. With a reason, only a limit of that reason is
   * lifted.
   */
  | { readonly kind: 'reset'; readonly subject: Subject; readonly reason?: OutcomeKind }
  /** The account's allowance of `:free` requests in a window. */
  | {
      readonly kind: 'learn';
      readonly account: string;
      readonly window: 'minute' | 'day';
      readonly limit: number;
    };

const UPSTREAM: CircuitSubject = { scope: 'upstream' };
/** How long an account whose settings exclude a model is not asked for it. */
const POLICY_MS = 10 * MINUTE_MS;

type Refused = Extract<Outcome, { evidence: unknown }>;

/** The stated end, else a back-off. */
function heldBack(
  subject: Subject,
  outcome: Refused,
  backOff: BackOff,
  now: number,
): OutcomeEffect {
  const end = evidenceEnd(outcome, now);
  return end === null ? { kind: 'back-off', subject, backOff } : { kind: 'limit', subject, end };
}

const failure = (
  subject: CircuitSubject,
  backOff: BackOff,
  said: CooldownEnd | null = null,
): OutcomeEffect => ({ kind: 'failure', subject, backOff, said });

/** Limits of the account, which all its keys share (OpenRouter docs, "Limits"). */
function ofAccount(
  outcome: Refused,
  { account, model }: About,
  now: number,
  policy: CooldownPolicy,
): OutcomeEffect[] {
  if (!limits(outcome)) return [];
  const end = cooldownEnd(outcome, now, policy);
  switch (outcome.kind) {
    case 'free_tier_exhausted': {
      const subject: Subject = { scope: 'account', account, pool: 'free' };
      return [{ kind: 'limit', subject, end }, ...learnt(outcome, account)];
    }
    case 'credits_exhausted':
      if (poolOf(model) === 'free') return [inDebt(account)];
      return [{ kind: 'limit', subject: { scope: 'account', account, pool: 'paid' }, end }];
    case 'budget_exhausted':
    case 'in_flight_budget_held':
      return [{ kind: 'limit', subject: { scope: 'account', account, pool: 'paid' }, end }];
    default:
      return [];
  }
}

/**
 * A free model refused for lack of credits: either paid extras of the request, or a negative
 * balance, which refuses everything. Only several independent requests tell these apart.
 */
function inDebt(account: string): OutcomeEffect {
  const subject: CircuitSubject = { scope: 'account', account, pool: 'all' };
  return failure(subject, DEBT_BACK_OFF);
}

function learnt(
  { evidence, window }: Extract<Outcome, { kind: 'free_tier_exhausted' }>,
  account: string,
): OutcomeEffect[] {
  const said = evidence.find(
    ({ field, value }) => field === 'x-ratelimit-limit' && /^[1-9]\d{0,6}$/.test(value),
  );
  return said === undefined ? [] : [{ kind: 'learn', account, window, limit: Number(said.value) }];
}

/** The effects of a success. */
function served({ keyId, account, model }: About): OutcomeEffect[] {
  const reset = (subject: Subject) => ({ kind: 'reset', subject }) as const;
  if (model === null) return [reset(UPSTREAM)];
  const subjects: Subject[] = [
    UPSTREAM,
    { scope: 'model', model },
    { scope: 'key-model', keyId, model },
  ];
  return [
    ...subjects.map(reset),
    { ...reset({ scope: 'account-model', account, model }), reason: 'account_policy' },
    { ...reset({ scope: 'account', account, pool: 'all' }), reason: 'credits_exhausted' },
  ];
}

/** A provider's failure counts against the model, never against a key. */
function ofItsModel(
  outcome: Outcome,
  { keyId, account, model }: About,
  now: number,
): OutcomeEffect[] {
  if (model === null) return [];
  const subject: CircuitSubject = { scope: 'model', model };
  switch (outcome.kind) {
    case 'rate_limited':
      return [
        heldBack({ scope: 'key-model', keyId, model }, outcome, UNKNOWN_BACK_OFF, now),
        failure(subject, MODEL_BACK_OFF, evidenceEnd(outcome, now)),
      ];
    case 'account_policy':
      if (outcome.isNarrowed === true) return [];
      return [
        {
          kind: 'limit',
          subject: { scope: 'account-model', account, model },
          end: { until: now + POLICY_MS, source: 'default' },
        },
      ];
    case 'model_throttled':
      return [
        heldBack({ scope: 'account-model', account, model }, outcome, UNKNOWN_BACK_OFF, now),
        failure(subject, MODEL_BACK_OFF, evidenceEnd(outcome, now)),
      ];
    case 'model_limited':
    case 'provider_limited':
      return [failure(subject, MODEL_BACK_OFF, evidenceEnd(outcome, now))];
    case 'provider_failed':
    case 'truncated':
    case 'timeout':
      return [failure(subject, MODEL_BACK_OFF)];
    default:
      return [];
  }
}

/**
 * The effects of an outcome beyond the key. A client's mistake, and a failure of the key alone,
 * have none.
 */
export function outcomeEffects(
  outcome: Outcome,
  about: About,
  now: number,
  policy: CooldownPolicy,
): OutcomeEffect[] {
  switch (outcome.kind) {
    case 'success':
      return served(about);
    case 'connection_failed':
      return [failure(UPSTREAM, CONNECTION_BACK_OFF)];
    case 'edge_failed':
      return [failure(UPSTREAM, CONNECTION_BACK_OFF, evidenceEnd(outcome, now))];
    case 'edge_blocked':
      return [failure(UPSTREAM, BLOCK_BACK_OFF, evidenceEnd(outcome, now))];
    case 'caller_error':
    case 'key_limit_reached':
    case 'credits_short':
      return [{ kind: 'reset', subject: UPSTREAM }]; // OpenRouter itself has answered
    case 'free_tier_exhausted':
    case 'credits_exhausted':
    case 'budget_exhausted':
    case 'in_flight_budget_held':
      return ofAccount(outcome, about, now, policy);
    default:
      return ofItsModel(outcome, about, now);
  }
}
