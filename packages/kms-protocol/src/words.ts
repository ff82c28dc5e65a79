import type { NoKeyData } from './error-code.ts';
import type { Cause, KeyCheck, LimitView } from './key-view.ts';
import type { Verdict } from './ledger.ts';
import type { OutcomeKind } from './outcome.ts';

/*
 * What people read instead of the protocol's names: one table for the key service, the CLI and the
 * dashboard. It imports types only, so that a browser can load it.
 */

/** An attempt's outcome, and further reasons for which something is set aside. */
const REASON: Readonly<
  Record<OutcomeKind | 'free_requests_used' | 'operator' | 'expired' | 'management_key', string>
> = {
  success: 'answered',
  rate_limited: 'rate limited',
  free_tier_exhausted: 'free requests used up',
  free_requests_used: 'free requests used up',
  key_limit_reached: 'key limit reached',
  credits_exhausted: 'credits used up',
  credits_short: 'too few credits for this request',
  budget_exhausted: 'budget used up',
  in_flight_budget_held: 'credits held by running requests',
  account_policy: 'not allowed by account settings',
  unauthorized: 'key refused',
  model_throttled: 'model rate limited',
  model_limited: 'model at capacity',
  provider_limited: 'provider overloaded',
  provider_failed: 'provider failed',
  edge_blocked: 'address blocked',
  edge_refused: 'refused by a firewall',
  edge_failed: 'edge failed',
  caller_error: 'request refused',
  connection_failed: 'connection failed',
  timeout: 'timed out',
  truncated: 'answer cut off',
  client_abort: 'client left',
  unused: 'not sent',
  operator: 'set by an operator',
  expired: 'key expired',
  management_key: 'a management key',
};

const SOURCE: Readonly<Record<Cause['source'], string>> = {
  header: 'a header of the answer',
  body: 'the body of the answer',
  inspection: 'GET /key',
  window: 'the end of the limit’s own period',
  operator: 'an operator’s word',
  default: 'a guess: the configured time',
  'back-off': 'a guess that grows with each refusal',
  strike: 'a guess after a first refusal',
};

const REFUSAL: Readonly<Record<NoKeyData['reason'], string>> = {
  cooling: 'every key is limited',
  busy: 'every key is busy',
  disabled: 'every key is disabled',
  account_absent: 'its account has no key here any more',
  exhausted: 'every key was tried',
  no_keys: 'no key is configured',
  model_limited: 'model at capacity',
  upstream_blocked: 'OpenRouter cannot be reached',
  keys_refused: 'OpenRouter refuses every key',
  queue_full: 'too many requests wait',
  state_unavailable: 'the state store cannot be reached',
};

/** What a client is told, with what to do next. */
const REFUSAL_SENTENCE: Readonly<Record<NoKeyData['reason'], string>> = {
  no_keys: 'No key is configured: add one to openrouter.keys.',
  busy: 'Every usable key has its maximum of running requests.',
  cooling: 'Every key is cooling down.',
  disabled: 'Every key is disabled: enable one, or add another.',
  account_absent:
    'The account that must serve this request has no key here any more: configure one of its keys.',
  exhausted: 'Every key that could serve this request has been tried.',
  model_limited: 'OpenRouter or its providers have no capacity for this model.',
  upstream_blocked: 'OpenRouter cannot be reached, or blocks this address.',
  keys_refused:
    'OpenRouter refuses every key (401): see `kms keys`, and configure keys that it accepts.',
  state_unavailable: 'The state store cannot be reached.',
  queue_full: 'Too many requests are waiting for a key.',
};

const VERDICT: Readonly<Record<Verdict, string>> = {
  complete: 'complete',
  error: 'ended with an error',
  truncated: 'cut off',
  client_abort: 'client left',
  stalled: 'stalled',
};

/** The gateway's own errors, as `failure` names them. */
const FAILURE: Readonly<Record<string, string>> = {
  bad_request: 'malformed request',
  unauthorized: 'wrong access key',
  paid_model: 'paid model not allowed',
  not_found: 'unknown path',
  upgrade_required: 'WebSocket not served',
  keys_limited: 'every key is limited',
  model_limited: 'model at capacity',
  internal: 'internal error',
  upstream_failed: 'OpenRouter failed',
  upstream_unreachable: 'OpenRouter could not be reached',
  no_usable_key: 'no usable key',
  key_refused: 'OpenRouter refused the key',
  key_service_unavailable: 'key service unavailable',
  upstream_blocked: 'OpenRouter cannot be reached',
  edge_blocked: 'address blocked',
  edge_refused: 'refused by a firewall',
  edge_failed: 'edge failed',
  overloaded: 'gateway overloaded',
  shutting_down: 'gateway shutting down',
  upstream_timeout: 'OpenRouter timed out',
};

const RULE: Readonly<Record<string, string>> = {
  'round-robin': 'round robin',
  first: 'first in order',
  random: 'random choice',
  'least-busy': 'least busy',
  same: 'same key as before',
  affinity: 'conversation affinity',
};

const STORE: Readonly<Record<string, string>> = {
  embedded: 'a file on this machine',
  redis: 'Redis',
};

/** A name that no table has: without its underscores. */
const plain = (name: string): string => name.replaceAll('_', ' ');

const wordsOf = (table: Readonly<Record<string, string>>, name: string): string =>
  Object.hasOwn(table, name) ? (table[name] ?? plain(name)) : plain(name);

/** An outcome, or the reason of a cause. */
export const reasonInWords = (reason: string): string => wordsOf(REASON, reason);

/** How the end of something is known. */
export const sourceInWords = (source: Cause['source']): string => SOURCE[source];

/** Why a request got no key. */
export const refusalInWords = (reason: string): string => wordsOf(REFUSAL, reason);

/** Why a request got no key, as a sentence. */
export const refusalSentence = (reason: NoKeyData['reason']): string => REFUSAL_SENTENCE[reason];

/** How an answer ended. */
export const verdictInWords = (verdict: Verdict): string => VERDICT[verdict];

/** What the gateway answered by itself. */
export const failureInWords = (failure: string): string => wordsOf(FAILURE, failure);

/** What put a key first. */
export const ruleInWords = (rule: string): string => wordsOf(RULE, rule);

/** Where the state of the keys is kept. */
export const storeInWords = (backend: string): string => wordsOf(STORE, backend);

/** An answer of OpenRouter that rejects a key: `HTTP 401 User not found.` */
export const rejectionInWords = ({ status, detail }: Pick<KeyCheck, 'status' | 'detail'>): string =>
  `HTTP ${status ?? 401} ${detail}`.trim();

/** The models that a limit is about. */
export function limitedModels({ pool, model }: Pick<LimitView, 'pool' | 'model'>): string {
  return model ?? { free: 'free models', paid: 'paid models', all: 'every model' }[pool];
}

/** What a limit shuts out. */
export function limitSubject(limit: Pick<LimitView, 'scope' | 'pool' | 'model'>): string {
  const models = limitedModels(limit);
  switch (limit.scope) {
    case 'account':
    case 'account-model':
      return `${models} on its account`;
    case 'key-model':
      return `${models} on this key`;
    case 'model':
      return models;
    case 'upstream':
      return 'OpenRouter';
  }
}

/** What a circuit breaker opened for, and what it does. */
export function circuitInWords({
  state,
  requests,
  clients,
}: NonNullable<LimitView['circuit']>): string {
  const failed = `${requests} ${requests === 1 ? 'request' : 'requests'} of ${clients} ${clients === 1 ? 'client' : 'clients'} failed`;
  const doing = state === 'open' ? 'open' : 'half-open: a request finds out';
  return `circuit breaker ${doing}, ${failed}`;
}

/** A usage row whose key, model, client or day is not known. */
export const UNNAMED = '(not known)';

const WHOLE = new Intl.NumberFormat('en');

/**
 * How many requests a window holds beyond its limit; null: none. OpenRouter counts the requests it
 * refuses, too.
 */
export function overLimitInWords(used: number, limit: number): string | null {
  if (used <= limit) return null;
  return `${WHOLE.format(used - limit)} over: sent before the limit was known, or not through this gateway`;
}

/** A length of time, rounded to one unit: `250 ms`, `4.5 s`, `45 s`, `12 m`, `4 h`, `3 d`. */
export function lengthInWords(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} m`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}

/** OpenRouter credits, which are US dollars, with two significant digits however small: `$12.30`, `$0.42`, `$0.0012`. */
export function formatCost(dollars: number): string {
  if (dollars === 0) return '$0';
  const size = Math.abs(dollars);
  const sign = dollars < 0 ? '−' : '';
  if (size < 1e-8) return `${dollars < 0 ? '> −' : '< '}$0.00000001`;
  return `${sign}$${(size >= 0.1 ? CENTS : TWO_DIGITS).format(size)}`;
}

const CENTS = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const TWO_DIGITS = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });
