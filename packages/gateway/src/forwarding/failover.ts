import type { NoKeyData, Outcome, OutcomeKind } from '@openrouter-proxy/kms-protocol';
import { isUnsent, type Unanswered } from '../answer/attempt-result.ts';
import type { RepeatPolicy } from '../endpoints/endpoint.ts';
import { mayRepeat } from '../endpoints/repeats.ts';
import { isAboutKey } from '../outcome/key-refusal.ts';
import { refusesAccount, refusesKey, type AccountRefusalKind } from '../outcome/outcome.ts';

/** The longest wait for a provider that says how long it needs. */
const LONGEST_WAIT_MS = 30_000;
/** How often a request is repeated after a failure of the provider, and of the connection. */
const PROVIDER_REPEATS = 2;
const CONNECTION_REPEATS = 2;
const TIMEOUT_REPEATS = 1;
/** How often a request waits for the circuit breaker of its model. */
const MODEL_WAITS = 3;
/** The first wait if the upstream names none; it doubles. */
const PROVIDER_BACK_OFF_MS = 500;
const FAILURE_BACK_OFF_MS = 250;
/** How many accounts are tried for one request: many for their settings, few for their credits. */
const MOST_ACCOUNTS: Readonly<Record<AccountRefusalKind, number>> = {
  account_policy: 16,
  credits_short: 3,
};
/** The most accounts that are asked for an object of an unknown owner. */
const MOST_SEARCHED = 16;
/** If a key of another account is available within this time, the client is told to wait instead of the first refusal. */
const SOON_MS = 60_000;

/** The attempts of a request so far, in numbers. */
export interface History {
  attempts: number;
  /** Attempts that the provider or the model failed. */
  providerFailures: number;
  connectionFailures: number;
  /** Accounts that refused this request, and nothing else. */
  accountRefusals: number;
  /** Waits for the circuit breaker of the model. */
  modelWaits: number;
}

/** The history of a request that has not been sent yet. */
export const NO_HISTORY: History = {
  attempts: 0,
  providerFailures: 0,
  connectionFailures: 0,
  accountRefusals: 0,
  modelWaits: 0,
};

/** The limits of failover. */
export interface FailoverLimits {
  /** Null: only the number of keys limits it. */
  maxAttempts: number | null;
  /** What is left of the request's deadline, in milliseconds. */
  remainingMs: number;
  /** The shortest wait for an overloaded provider, as configured. */
  providerDelayMs: number;
}

/** What follows an attempt that brought no answer. */
export type NextStep =
  /** No further attempt can help: answer the client. */
  | { kind: 'answer' }
  /** Another key may serve it. */
  | { kind: 'other-key' }
  /** A key of another account may serve it. */
  | { kind: 'other-account' }
  /** The same request may succeed after a wait. */
  | { kind: 'again'; afterMs: number };

/** Outcomes caused by the provider, the model or the edge: no other key would do better. */
const PROVIDERS: readonly OutcomeKind[] = [
  'provider_limited',
  'model_limited',
  'provider_failed',
  'edge_failed',
  'truncated',
  'timeout',
];

const isProviders = (kind: OutcomeKind) => PROVIDERS.includes(kind);

const ANSWER: NextStep = { kind: 'answer' };

/** The wait that the upstream asks for, in milliseconds; undefined: it gives none in seconds. */
function askedFor(outcome: Outcome): number | undefined {
  if (!('evidence' in outcome)) return undefined;
  const said = outcome.evidence.find(
    ({ field, value }) => /^retry[-_]after/.test(field) && /^\d{1,6}(\.\d+)?$/.test(value),
  );
  return said === undefined ? undefined : Number(said.value) * 1_000;
}

function providerWait(outcome: Outcome, history: History, { providerDelayMs }: FailoverLimits) {
  const isOverload = outcome.kind === 'provider_limited' || outcome.kind === 'model_limited';
  const first = isOverload ? PROVIDER_BACK_OFF_MS : FAILURE_BACK_OFF_MS;
  const asked = askedFor(outcome) ?? first * 2 ** (history.providerFailures - 1);
  return isOverload ? Math.max(asked, providerDelayMs) : asked;
}

function afterWait(ms: number, { remainingMs }: FailoverLimits): NextStep {
  return ms > LONGEST_WAIT_MS || ms >= remainingMs ? ANSWER : { kind: 'again', afterMs: ms };
}

/**
 * What follows the last attempt of `history`, given its outcome. A limit of the key or its account is
 * answered by another key, an account's refusal of this request alone by another account, a provider's trouble by a short wait, since no key can help; what the
 * caller did wrong, and a block of this address, by nothing.
 */
export function nextStep(outcome: Outcome, history: History, limits: FailoverLimits): NextStep {
  const { maxAttempts } = limits;
  const { providerFailures, connectionFailures } = history;
  if (maxAttempts !== null && history.attempts >= maxAttempts) return ANSWER;
  if (refusesAccount(outcome)) {
    return history.accountRefusals < MOST_ACCOUNTS[outcome.kind]
      ? { kind: 'other-account' }
      : ANSWER;
  }
  if (refusesKey(outcome)) return { kind: 'other-key' };
  if (outcome.kind === 'connection_failed') {
    if (connectionFailures > CONNECTION_REPEATS) return ANSWER;
    return afterWait((connectionFailures - 1) * FAILURE_BACK_OFF_MS, limits);
  }
  if (!isProviders(outcome.kind)) return ANSWER;
  if (outcome.kind === 'timeout') {
    return providerFailures > TIMEOUT_REPEATS ? ANSWER : afterWait(0, limits);
  }
  if (providerFailures > PROVIDER_REPEATS) return ANSWER;
  return afterWait(providerWait(outcome, history, limits), limits);
}

/** Whether an account does not have what was asked for. */
const isMissing = (outcome: Outcome) => 'status' in outcome && outcome.status === 404;

/** What a request allows after an attempt. */
export interface Repeatable {
  /** When the endpoint may be asked again. */
  readonly repeat: RepeatPolicy;
  /** Whether the body can be sent again. */
  readonly hasBody: boolean;
  /** Whether the attempt was made under a leased key. */
  readonly hasLease: boolean;
  /** Whether it is about an object of which nobody knows the account. */
  readonly isSearch: boolean;
}

/** What follows an attempt without an answer, as far as the request can be sent again at all. */
export function stepAfter(
  result: Unanswered,
  request: Repeatable,
  history: History,
  limits: FailoverLimits,
): NextStep {
  if (!request.hasBody) return ANSWER;
  const isElsewhere = request.isSearch && isMissing(result.outcome);
  if (isElsewhere && history.attempts < MOST_SEARCHED) return { kind: 'other-account' };
  if (result.kind === 'failed' && !result.failure.mayPass) return ANSWER;
  const status = result.kind === 'refused' ? result.outcome.status : null;
  const attempt = { outcome: result.outcome.kind, isUnsent: isUnsent(result), status };
  if (!mayRepeat(request.repeat, { ...attempt, hasContent: false })) return ANSWER;
  const step = nextStep(result.outcome, history, limits);
  const needsLease = step.kind === 'other-key' || step.kind === 'other-account';
  return needsLease && !request.hasLease ? ANSWER : step;
}

/** The history after one more attempt. */
export function withAttempt(history: History, outcome: Outcome): History {
  const { kind } = outcome;
  return {
    ...history,
    attempts: history.attempts + 1,
    providerFailures: history.providerFailures + Number(isProviders(kind)),
    connectionFailures: history.connectionFailures + Number(kind === 'connection_failed'),
    accountRefusals: history.accountRefusals + Number(refusesAccount(outcome)),
  };
}

/** Whether a key that was not tried may serve within a minute. */
const isSoon = ({ reason, retryAfterMs }: WithoutKey) =>
  reason !== 'exhausted' && retryAfterMs !== null && retryAfterMs <= SOON_MS;

/** Why there is no key. */
type WithoutKey = Pick<NoKeyData, 'reason' | 'retryAfterMs'>;

/** What follows if no key is available for another attempt after one with this outcome. */
export function stepWithoutKey(
  outcome: Outcome,
  none: WithoutKey,
  history: History,
  limits: FailoverLimits,
): NextStep | { kind: 'refuse' } {
  const { reason, retryAfterMs } = none;
  if (reason === 'model_limited' && history.modelWaits < MODEL_WAITS) {
    const step = afterWait(retryAfterMs ?? Infinity, limits);
    if (step.kind === 'again') return step;
  }
  if (refusesAccount(outcome)) return isSoon(none) ? { kind: 'refuse' } : ANSWER;
  const isForClient = !isAboutKey(outcome);
  const isItsOwn =
    reason === 'exhausted' || reason === 'model_limited' || reason === 'upstream_blocked';
  return isForClient && isItsOwn ? ANSWER : { kind: 'refuse' };
}
