import { ACCOUNT_REFUSALS } from './account-refusals.ts';
import { answer, type ErrorAnswer, type ErrorContext } from './error-answer.ts';
import type { FreeLimit } from '../accounts/account.ts';
import { keyHash, type Key } from '../accounts/key.ts';

const KEYS_PAGE = 'https://openrouter.ai/settings/keys';

const nextMinute = (now: number) => (Math.floor(now / 60_000) + 1) * 60_000;

/** The account's limit on free models (families A and B of the 429s). */
export function freeLimitReached(limit: FreeLimit, userId: string): ErrorAnswer {
  const headers = {
    'X-RateLimit-Limit': String(limit.limit),
    'X-RateLimit-Remaining': '0',
    'X-RateLimit-Reset': String(limit.resetAt),
  };
  const daily = limit.limit < 100 ? 'free-models-per-day' : 'free-models-per-day-high-balance';
  const hint =
    limit.limit < 100 ? '. Add 10 credits to unlock 1000 free model requests per day' : '. ';
  const isDay = limit.window === 'day';
  return answer(
    {
      message: `Rate limit exceeded: ${isDay ? daily + hint : 'free-models-per-min. '}`,
      code: 429,
      metadata: {
        headers,
        limit_source: isDay ? 'openrouter_free_tier_daily' : 'openrouter_free_tier_per_minute',
        remedy_hint: isDay
          ? 'Wait for the daily reset (see X-RateLimit-Reset)'
          : 'Wait for the next minute (see X-RateLimit-Reset)',
      },
    },
    { userId, headers },
  );
}

function provider429(raw: string, metadata: Record<string, unknown>, headers = {}): ErrorAnswer {
  return answer(
    {
      message: 'Provider returned error',
      code: 429,
      metadata: { raw, provider_name: 'Liquid', is_byok: false, ...metadata },
    },
    { headers },
  );
}

function keyLimitLink(key: Key | undefined): string {
  return key === undefined
    ? KEYS_PAGE
    : `https://openrouter.ai/workspaces/default/keys/${keyHash(key)}`;
}

/** Every refusal OpenRouter is known to give, by name; messages and metadata as recorded. */
export const ERROR_FAMILIES = {
  free_per_minute: ({ key, now }: ErrorContext) =>
    freeLimitReached(
      { window: 'minute', limit: 20, resetAt: nextMinute(now) },
      key?.account.userId ?? 'user_x',
    ),
  free_per_day: ({ key, now }: ErrorContext) =>
    freeLimitReached(
      { window: 'day', limit: 1000, resetAt: (Math.floor(now / 86_400_000) + 1) * 86_400_000 },
      key?.account.userId ?? 'user_x',
    ),
  model_throttled: ({ model, now }: ErrorContext) => {
    const headers = {
      'X-RateLimit-Limit': '8',
      'X-RateLimit-Remaining': '0',
      'X-RateLimit-Reset': String(nextMinute(now)),
    };
    const message = `Rate limit exceeded: limit_rpm/${model}/8d2f0c1e-0000-4000-8000-000000000000. High demand for ${model} on OpenRouter - limited to 8 requests per minute. Please retry shortly.`;
    return answer({ message, code: 429, metadata: { headers, provider_name: null } }, { headers });
  },
  provider_shared_pool: ({ model }: ErrorContext) =>
    provider429(
      `${model} is temporarily rate-limited upstream. Please retry shortly, or add your own key to accumulate your rate limits: https://openrouter.ai/settings/integrations`,
      {
        provider_error_code: 'rate_limit_exceeded',
        limit_source: 'upstream_provider_shared_pool',
        retry_after_seconds: 1,
        retry_after_seconds_raw: 1,
        headers: { 'Retry-After': '1' },
      },
      { 'Retry-After': '1' },
    ),
  provider_google: () =>
    provider429(
      JSON.stringify({
        error: { code: 429, status: 'RESOURCE_EXHAUSTED', details: [{ retryDelay: '17s' }] },
      }),
      { provider_name: 'Google AI Studio', provider_error_code: '429' },
    ),
  capacity_exhausted: ({ model }: ErrorContext) =>
    answer({
      message: `All providers for ${model} at capacity`,
      code: 429,
      metadata: { error_type: 'provider_overloaded' },
      availability: { code: 'capacity_exhausted', retry_after: 1 },
    }),
  unnamed_limit: () => answer({ message: 'Too many requests', code: 429 }),
  edge_blocked: (): ErrorAnswer => ({
    status: 429,
    headers: { 'content-type': 'text/html', server: 'cloudflare' },
    body: '<!doctype html><title>Access denied</title><p>Error 1015: You are being rate limited</p>',
  }),
  key_limit: ({ key }: ErrorContext) =>
    answer(
      {
        message: `Key limit exceeded (total limit). Manage it using ${keyLimitLink(key)}`,
        code: 403,
        metadata: { limit_source: 'openrouter_key_limit' },
      },
      { userId: key?.account.userId },
    ),
  key_limit_402: ({ key }: ErrorContext) =>
    answer(
      {
        message: `This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 12. To increase, visit ${KEYS_PAGE} and create a key with a higher daily limit`,
        code: 402,
        metadata: { limit_source: 'openrouter_key_limit' },
      },
      { userId: key?.account.userId },
    ),
  insufficient_credits: ({ key }: ErrorContext) =>
    answer(
      { message: 'Insufficient credits. Add more using https://openrouter.ai/credits', code: 402 },
      { userId: key?.account.userId },
    ),
  in_flight_budget: ({ key }: ErrorContext) =>
    answer(
      {
        message:
          'This request would exceed your available credits given your current in-flight requests. Retry after in-flight requests settle, or add credits.',
        code: 402,
        metadata: {
          limit_source: 'openrouter_in_flight_budget',
          reason: 'in_flight_budget_exhausted',
        },
      },
      { userId: key?.account.userId, headers: { 'Retry-After': '5' } },
    ),
  request_too_expensive: ({ key }: ErrorContext) =>
    answer(
      {
        message:
          'This request requires more credits, or fewer max_tokens. You requested up to 900000 tokens, but can only afford 65536. To increase, visit https://openrouter.ai/settings/credits and add more credits',
        code: 402,
        metadata: { limit_source: 'openrouter_credits', reason: 'weight_exceeds_budget' },
      },
      { userId: key?.account.userId },
    ),
  workspace_budget: ({ key, now }: ErrorContext) =>
    answer(
      {
        message: 'Workspace monthly budget of $500.00 exceeded. Contact your workspace admin.',
        code: 403,
        metadata: {
          limit_source: 'openrouter_workspace_budget',
          limit_usd: 500,
          spend_usd: 500.01,
          resets_at: new Date(now + 3_600_000).toISOString(),
        },
      },
      { userId: key?.account.userId },
    ),
  unauthorized: () => answer({ message: 'User not found.', code: 401 }),
  no_credentials: () => answer({ message: 'No cookie auth credentials found', code: 401 }),
  moderation: ({ key }: ErrorContext) =>
    answer(
      {
        message: 'Request blocked: flagged by moderation',
        code: 403,
        metadata: {
          reasons: ['violence'],
          flagged_input: '…',
          provider_name: 'OpenAI',
          model_slug: 'openai/gpt-4o',
        },
      },
      { userId: key?.account.userId },
    ),
  management_only: () =>
    answer({ message: 'Only management keys can perform this operation', code: 403 }),
  /** A management key asks for inference; the status is known, the words are not. */
  management_key: () =>
    answer({ message: 'Management keys cannot be used for this operation', code: 403 }),
  ...ACCOUNT_REFUSALS,
  invalid_model: ({ model }: ErrorContext) =>
    answer({ message: `${model} is not a valid model ID`, code: 400 }),
  bad_request: () =>
    answer({ message: 'Input required: specify "prompt" or "messages"', code: 400 }),
  provider_bad_request: () =>
    answer({
      message: 'Provider returned error',
      code: 400,
      metadata: { raw: '{"error":"bad image"}', provider_name: 'OpenAI' },
    }),
  not_found: () => answer({ message: 'Not Found', code: 404 }),
  timeout: () => answer({ message: 'Operation timed out. Please try again later.', code: 408 }),
  payload_too_large: () => answer({ message: 'Request payload too large', code: 413 }),
  unprocessable: () => answer({ message: 'Invalid argument', code: 422 }),
  internal: () =>
    answer({ message: 'Internal Server Error', code: 500, metadata: { error_type: 'server' } }),
  provider_failed: () =>
    answer({
      message: 'Provider returned error',
      code: 502,
      metadata: { provider_name: 'OpenAI', error_type: 'provider_unavailable' },
    }),
  unavailable: () =>
    answer(
      { message: 'Service temporarily unavailable', code: 503 },
      { headers: { 'Retry-After': '2' } },
    ),
  overloaded: () =>
    answer({
      message: 'Provider returned error',
      code: 529,
      metadata: { error_type: 'provider_overloaded' },
    }),
} as const satisfies Record<string, (context: ErrorContext) => ErrorAnswer>;

/** The name of a refusal. */
export type ErrorFamily = keyof typeof ERROR_FAMILIES;
