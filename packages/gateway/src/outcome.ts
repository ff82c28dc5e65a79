import type { IncomingHttpHeaders } from 'node:http';
import type { Evidence, Outcome } from '@openrouter-proxy/kms-protocol';
import { errorDetails, type ErrorDetails } from './error-details.ts';

/** A response that is not a success, as far as it is known: its head, and the beginning of its body. */
export interface FailedResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Decoded, at most a few tens of kilobytes. */
  body: string;
}

/** The outcomes that concern the key or its account: another key may serve the same request. */
const KEY_OUTCOMES = [
  'rate_limited',
  'free_tier_exhausted',
  'key_limit_reached',
  'credits_exhausted',
  'budget_exhausted',
  'in_flight_budget_held',
  'unauthorized',
] as const satisfies readonly Outcome['kind'][];

/** Whether an attempt was refused for its key's sake. */
export function refusesKey(outcome: Outcome): boolean {
  return (KEY_OUTCOMES as readonly string[]).includes(outcome.kind);
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Everything the response says about when a limit ends, as it stood on the wire. */
function collectEvidence(headers: IncomingHttpHeaders, details: ErrorDetails): Evidence[] {
  const said: [Evidence['field'], Evidence['from'], string | undefined][] = [
    ['x-ratelimit-reset', 'body', details.headers['x-ratelimit-reset']],
    ['x-ratelimit-reset', 'header', header(headers, 'x-ratelimit-reset')],
    ['resets_at', 'body', details.resetsAt],
    ['retry_after_seconds', 'body', details.retryAfterSeconds],
    ['retry-after', 'header', header(headers, 'retry-after')],
    ['retry-after', 'body', details.headers['retry-after']],
  ];
  return said.flatMap(([field, from, value]) =>
    value === undefined ? [] : [{ field, from, value: value.slice(0, 64) }],
  );
}

type RefusalKind = Exclude<
  Outcome['kind'],
  'success' | 'connection_failed' | 'timeout' | 'truncated' | 'client_abort' | 'unused'
>;
type Family = { kind: Exclude<RefusalKind, 'free_tier_exhausted'> } | FreeTier;
interface FreeTier {
  kind: 'free_tier_exhausted';
  window: 'minute' | 'day';
}

/** Recognises a 429 by its source, then by its words (OpenRouter docs, "Limits"). */
function tooManyRequests(details: ErrorDetails): Family {
  const { message, limitSource } = details;
  if (limitSource === 'openrouter_free_tier_daily' || message.includes('free-models-per-day')) {
    return { kind: 'free_tier_exhausted', window: 'day' };
  }
  if (
    limitSource === 'openrouter_free_tier_per_minute' ||
    message.includes('free-models-per-min')
  ) {
    return { kind: 'free_tier_exhausted', window: 'minute' };
  }
  if (/limit_rp[md]\//.test(message) || details.availability === 'capacity_exhausted') {
    return { kind: 'model_limited' };
  }
  const fromProvider =
    limitSource === 'upstream_provider_shared_pool' ||
    details.providerName !== undefined ||
    details.raw !== undefined ||
    /provider returned error|upstream/i.test(message);
  return { kind: fromProvider ? 'provider_limited' : 'rate_limited' };
}

/** 402 and 403 about money: whose purse is empty, or whether only this request is too dear. */
function paymentRefused(details: ErrorDetails): Family | undefined {
  const { message, limitSource, reason } = details;
  if (reason === 'weight_exceeds_budget') return { kind: 'caller_error' };
  if (limitSource === 'openrouter_in_flight_budget' || reason === 'in_flight_budget_exhausted') {
    return { kind: 'in_flight_budget_held' };
  }
  if (limitSource === 'openrouter_key_limit' || /key limit exceeded/i.test(message)) {
    return { kind: 'key_limit_reached' };
  }
  if (
    limitSource === 'openrouter_workspace_budget' ||
    limitSource === 'openrouter_guardrail_budget' ||
    /budget of .* exceeded/i.test(message)
  ) {
    return { kind: 'budget_exhausted' };
  }
  // The account's and the key's refusal differ only in the page they send the reader to.
  if (/settings\/keys|\/keys\/[0-9a-f]{16,}/.test(message)) return { kind: 'key_limit_reached' };
  return undefined;
}

function forbidden(details: ErrorDetails): Family {
  if (!details.isJson) return { kind: 'edge_blocked' };
  return paymentRefused(details) ?? { kind: 'caller_error' };
}

function family(status: number, details: ErrorDetails): Family {
  switch (status) {
    case 401:
      return { kind: 'unauthorized' };
    case 402:
      return paymentRefused(details) ?? { kind: 'credits_exhausted' };
    case 403:
      return forbidden(details);
    case 408:
      return { kind: 'provider_failed' };
    case 429:
      return details.isJson ? tooManyRequests(details) : { kind: 'edge_blocked' };
    case 503:
    case 529:
      return { kind: 'provider_limited' };
    default:
      return { kind: status >= 500 ? 'provider_failed' : 'caller_error' };
  }
}

/** What a response that is not a success was about, with its evidence. Any input gives an outcome. */
export function classifyFailure(response: FailedResponse): Outcome {
  const details = errorDetails(response.body);
  const refusal = {
    status: response.status,
    evidence: collectEvidence(response.headers, details),
    detail: details.message,
  };
  return { ...family(response.status, details), ...refusal };
}
