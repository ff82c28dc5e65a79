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

/** What a report is about. */
export interface About {
  readonly keyId: string;
  readonly account: string;
  /** Null: not known. */
  readonly model: string | null;
}

/** What an outcome means for something that is not the key itself. */
export type OutcomeEffect =
  /** It cannot serve until then. */
  | { readonly kind: 'limit'; readonly subject: Subject; readonly end: CooldownEnd }
  /** It cannot serve for a time that grows. */
  | { readonly kind: 'back-off'; readonly subject: Subject; readonly backOff: BackOff }
  /** It failed for one request: its circuit breaker decides whether it fails for others too. */
  | {
      readonly kind: 'failure';
      readonly subject: CircuitSubject;
      readonly backOff: BackOff;
      /** Until when the upstream says it lasts; null: it does not say. */
      readonly said: CooldownEnd | null;
    }
  /** It serves: failures in a row begin anew. With a reason only a limit for that is lifted. */
  | { readonly kind: 'reset'; readonly subject: Subject; readonly reason?: OutcomeKind }
  /** How many `:free` requests the account has in a window. */
  | {
      readonly kind: 'learn';
      readonly account: string;
      readonly window: 'minute' | 'day';
      readonly limit: number;
    };

const UPSTREAM: CircuitSubject = { scope: 'upstream' };
/** How long a model is asked for under other accounts after one account's settings shut it out. */
const POLICY_MS = 10 * MINUTE_MS;

type Refused = Extract<Outcome, { evidence: unknown }>;

/** Until when the upstream says it lasts; else a back-off. */
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

/** The account's limits, which all its keys share (OpenRouter docs, "Limits"). */
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
 * A free model costs nothing: refused for want of credits is what the request adds to it, or everything,
 * once the balance is negative. One request does not tell these apart; several independent ones do.
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

/** The failures in a row are over. */
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

/** A provider's trouble is the model's, never a key's. */
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
 * What an outcome means beyond the key it was reported of. What the caller did wrong, and what concerns
 * the key alone, means nothing more.
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
