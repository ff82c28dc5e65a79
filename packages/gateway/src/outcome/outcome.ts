import type { IncomingHttpHeaders } from 'node:http';
import type { Evidence, Outcome } from '@openrouter-proxy/kms-protocol';
import { errorDetails, withoutIdentities, type ErrorDetails } from './error-details.ts';
import type { SecretMask } from '../upstream/secret-mask.ts';

/** A response that is no success: its head, and the beginning of its body. */
export interface FailedResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Decoded, at most a few tens of kilobytes. */
  body: string;
}

/** The outcomes that concern the key or its account: another key may serve the same request. */
const KEY_OUTCOMES = [
  'rate_limited',
  'model_throttled',
  'free_tier_exhausted',
  'key_limit_reached',
  'credits_exhausted',
  'credits_short',
  'budget_exhausted',
  'in_flight_budget_held',
  'account_policy',
  'unauthorized',
] as const satisfies readonly Outcome['kind'][];

/** Whether an attempt was refused because of its key. */
export function refusesKey(outcome: Outcome): boolean {
  return (KEY_OUTCOMES as readonly string[]).includes(outcome.kind);
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Refusals that every key of an account would get for the same request, although nothing is limited. */
const ACCOUNT_OUTCOMES = [
  'account_policy',
  'credits_short',
] as const satisfies readonly Outcome['kind'][];

/** Whether every other key of the account would get the same refusal. */
export function concernsAccount({ kind }: Outcome): boolean {
  return kind === 'credits_exhausted' || (ACCOUNT_OUTCOMES as readonly string[]).includes(kind);
}

/** A refusal of one request by an account. */
export type AccountRefusalKind = (typeof ACCOUNT_OUTCOMES)[number];

/** Whether an attempt was refused because of its account: only a key of another account may serve it. */
export function refusesAccount(
  outcome: Outcome,
): outcome is Extract<Outcome, { kind: AccountRefusalKind }> {
  return (ACCOUNT_OUTCOMES as readonly string[]).includes(outcome.kind);
}

/** The unparsed evidence of a limit in a response: when it ends, and how large it is. */
function collectEvidence(headers: IncomingHttpHeaders, details: ErrorDetails): Evidence[] {
  const said: [Evidence['field'], Evidence['from'], string | undefined][] = [
    ['x-ratelimit-reset', 'body', details.headers['x-ratelimit-reset']],
    ['x-ratelimit-reset', 'header', header(headers, 'x-ratelimit-reset')],
    ['resets_at', 'body', details.resetsAt],
    ['retry_after_seconds', 'body', details.retryAfterSeconds],
    ['retry-after', 'header', header(headers, 'retry-after')],
    ['retry-after', 'body', details.headers['retry-after']],
    ['x-ratelimit-limit', 'body', details.headers['x-ratelimit-limit']],
    ['x-ratelimit-limit', 'header', header(headers, 'x-ratelimit-limit')],
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
  if (/limit_rp[md]\//.test(message)) return { kind: 'model_throttled' };
  if (details.availability === 'capacity_exhausted' || /\bat capacity\b/i.test(message)) {
    return { kind: 'model_limited' };
  }
  const fromProvider =
    limitSource === 'upstream_provider_shared_pool' ||
    details.providerName !== undefined ||
    details.raw !== undefined ||
    /provider returned error|upstream/i.test(message);
  return { kind: fromProvider ? 'provider_limited' : 'rate_limited' };
}

/** An account that can afford fewer tokens than this counts as empty. */
const SMALL_REQUEST_TOKENS = 256;

/** The number of tokens that the account can afford; 0 if the message names none. */
function canAfford(message: string): number {
  return Number(/can only afford (\d{1,9})/.exec(message)?.[1] ?? 0);
}

/** 402 and 403 about money: which limit is reached, or whether only this request is too expensive. */
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
  // The refusals of an account and of a key differ only in the page that they link to.
  if (/settings\/keys|\/keys\/[0-9a-f]{16,}/.test(message)) return { kind: 'key_limit_reached' };
  return canAfford(message) >= SMALL_REQUEST_TOKENS ? { kind: 'credits_short' } : undefined;
}

/** Whether a refusal is the provider's own, passed on: keys in its message are not ours. */
function isProviders({ providerName, limitSource }: ErrorDetails): boolean {
  return providerName !== undefined && limitSource?.startsWith('openrouter') !== true;
}

/** Words for an account's settings (https://openrouter.ai/settings/privacy, /guardrails, /presets). */
const ACCOUNT_SETTINGS =
  /no allowed providers|data policy|guardrail|settings\/privacy|privacy settings|\bpresets?\b/i;
const ACCOUNT_AVAILABILITY: readonly (string | undefined)[] = [
  'privacy_restricted',
  'constraint_filtered',
];
const ACCOUNT_ROUTING_STEP = /policy|privacy|guardrail|allowed|zdr/i;

/** Whether the account's settings refuse the request. A limit on prices is the request's own. */
function refusedByAccount(details: ErrorDetails): boolean {
  if (!details.isJson || isProviders(details)) return false;
  if (/\bmax price\b/i.test(details.message)) return false;
  return (
    ACCOUNT_SETTINGS.test(details.message) ||
    ACCOUNT_AVAILABILITY.includes(details.availability) ||
    ACCOUNT_ROUTING_STEP.test(details.failedRoutingStep ?? '')
  );
}

/** 403 to a management key that asks for inference. */
const MANAGEMENT_KEY =
  /\b(management|provisioning) keys? (?:can ?not|can['’]t|are not|is not|may not)/i;

function forbidden(details: ErrorDetails): Family {
  if (isProviders(details)) return { kind: 'caller_error' };
  if (MANAGEMENT_KEY.test(details.message)) return { kind: 'unauthorized' };
  return paymentRefused(details) ?? ofAccountOrCaller(details);
}

function ofAccountOrCaller(details: ErrorDetails): Family {
  return { kind: refusedByAccount(details) ? 'account_policy' : 'caller_error' };
}

/** Classifies an answer that is not OpenRouter's JSON; undefined: by its status, like JSON. */
function withoutJson(status: number, page: string): Family | undefined {
  if (status >= 500 || status === 408) return { kind: 'edge_failed' };
  if (status === 429) return { kind: page === '' ? 'edge_failed' : 'edge_blocked' };
  if (status === 402 || status === 403) return { kind: 'edge_refused' };
  const isRefusal = status === 401 ? page !== '' : page.startsWith('<');
  return isRefusal ? { kind: 'edge_refused' } : undefined;
}

function family(status: number, details: ErrorDetails): Family {
  switch (status) {
    case 401:
      return { kind: isProviders(details) ? 'provider_failed' : 'unauthorized' };
    case 402:
      return paymentRefused(details) ?? { kind: 'credits_exhausted' };
    case 403:
      return forbidden(details);
    case 408:
      return { kind: 'provider_failed' };
    case 429:
      return tooManyRequests(details);
    case 503:
    case 529:
      return { kind: 'provider_limited' };
    default:
      return status >= 500 ? { kind: 'provider_failed' } : ofAccountOrCaller(details);
  }
}

/** Words for a status, in OpenRouter's, OpenAI's and Anthropic's terms. */
const STATUS_OF: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  insufficient_quota: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  api_error: 500,
  server_error: 500,
  provider_unavailable: 502,
  timeout_error: 504,
  overloaded_error: 529,
  provider_overloaded: 529,
};

/** The status an error within a 200 would have had. */
function statusOf({ code = '', type = '' }: ErrorDetails): number {
  if (/^[45]\d\d$/.test(code)) return Number(code);
  return STATUS_OF[code] ?? STATUS_OF[type] ?? 502;
}

/**
 * Classifies an error within a 200. OpenRouter had taken the request, so the provider failed, unless the
 * error names another limit or blames the request (OpenRouter docs, "Streaming", "Errors").
 */
function familyWithin(status: number, details: ErrorDetails): Family {
  if (status === 401 || !details.isJson) return { kind: 'provider_failed' };
  const found = family(status, details);
  if (found.kind === 'credits_exhausted' && details.limitSource === undefined) {
    return { kind: 'provider_failed' };
  }
  return found.kind === 'rate_limited' ? { kind: 'provider_limited' } : found;
}

/** Describes a page without its text: by its title, which is no answer of a model. */
function pageInWords(page: string): string {
  if (page === '') return 'an empty answer';
  if (!page.startsWith('<')) return NOT_JSON;
  const title = /<title>\s*([^<]{1,80})/i.exec(page.slice(0, MAX_TITLE_AT))?.[1]?.trim();
  return title === undefined ? 'an HTML page' : `a page “${withoutIdentities(title)}”`;
}

/** The number of characters in which a page's title is searched. */
const MAX_TITLE_AT = 10_000;

function refused(
  found: Family,
  status: number,
  headers: IncomingHttpHeaders,
  details: ErrorDetails,
): Refusal {
  const { message, providerName } = details;
  return {
    ...found,
    status,
    evidence: collectEvidence(headers, details),
    detail: message,
    ...(providerName === undefined ? {} : { provider: providerName.slice(0, 100) }),
  };
}

/** An outcome that is an error answer of the upstream. */
export type Refusal = Extract<Outcome, { evidence: unknown }>;

/** The same refusal with the key masked in its texts. */
export function maskedRefusal<Kind extends Refusal>(refusal: Kind, mask: SecretMask): Kind {
  const { detail, evidence, provider } = refusal;
  return {
    ...refusal,
    detail: mask.text(detail),
    evidence: evidence.map((one) => ({ ...one, value: mask.text(one.value) })),
    ...(provider === undefined ? {} : { provider: mask.text(provider) }),
  };
}

/** Classifies a response that is no success, with its evidence. Any input gives an outcome. */
export function classifyFailure({ status, headers, body }: FailedResponse): Refusal {
  const details = errorDetails(body);
  if (details.isJson) return refused(family(status, details), status, headers, details);
  const page = body.trim();
  const found = withoutJson(status, page) ?? family(status, details);
  return { ...refused(found, status, headers, details), detail: pageInWords(page) };
}

const NOT_JSON = 'the answer is not JSON';

/** Classifies an error within a 200: its body, or the data of an event of its stream. */
export function classifyErrorWithin(body: string, headers: IncomingHttpHeaders): Refusal {
  const details = errorDetails(body);
  const status = statusOf(details);
  const found = refused(familyWithin(status, details), status, headers, details);
  return details.isJson ? found : { ...found, detail: NOT_JSON };
}
