import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyErrorWithin, classifyFailure, refusesKey } from './outcome.ts';

const body = (error: object, rest: object = {}) => JSON.stringify({ error, ...rest });
const failure = (status: number, text: string, headers = {}) =>
  classifyFailure({ status, headers, body: text });

const FAMILIES: [name: string, status: number, text: string, kind: string][] = [
  [
    'the free tier of the minute, by its source',
    429,
    body({
      message: 'x',
      code: 429,
      metadata: { limit_source: 'openrouter_free_tier_per_minute' },
    }),
    'free_tier_exhausted',
  ],
  [
    'the free tier of the day, by its words, though they speak of credits',
    429,
    body({
      message:
        'Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day',
      code: 429,
      metadata: { provider_name: null },
    }),
    'free_tier_exhausted',
  ],
  [
    "OpenRouter's own throttle of a model",
    429,
    body({
      message: 'Rate limit exceeded: limit_rpm/qwen/qwen3-coder/abc. High demand for qwen',
      metadata: { provider_name: null, headers: {} },
    }),
    'model_throttled',
  ],
  [
    'all providers of a model full',
    429,
    body({ message: 'All providers at capacity', availability: { code: 'capacity_exhausted' } }),
    'model_limited',
  ],
  [
    'a pool that all users of a provider share',
    429,
    body({
      message: 'Provider returned error',
      metadata: { provider_name: 'Liquid', limit_source: 'upstream_provider_shared_pool' },
    }),
    'provider_limited',
  ],
  [
    "a provider's own words",
    429,
    body({ message: 'Provider returned error', metadata: { raw: '{"error":{"code":429}}' } }),
    'provider_limited',
  ],
  ['a limit that names nothing', 429, body({ message: 'Too many requests' }), 'rate_limited'],
  ['the edge, by its HTML', 429, '<html>Just a moment…</html>', 'edge_blocked'],
  ['a block of the edge, in plain words', 429, 'error code: 1015', 'edge_blocked'],
  ['a 429 without a body, which is no block', 429, '', 'edge_failed'],
  ['a firewall, with 403', 403, '<html>blocked</html>', 'edge_refused'],
  ['a firewall, with 403 in plain words', 403, 'error code: 1020', 'edge_refused'],
  ['a firewall, with 413', 413, '<html>Request Entity Too Large</html>', 'edge_refused'],
  ['a firewall, with 400', 400, '<!doctype html><title>Bad request</title>', 'edge_refused'],
  ['a firewall, with 406', 406, '<html>Not Acceptable!</html>', 'edge_refused'],
  ['a login page in front, with 401', 401, '<html>Sign in</html>', 'edge_refused'],
  ['a payment page in front, with 402', 402, '<html>Pay</html>', 'edge_refused'],
  ['a path that has nothing, without a body', 404, '', 'caller_error'],
  ['the edge without its origin, with 502', 502, '<html>Bad gateway</html>', 'edge_failed'],
  ['the edge without its origin, with 503', 503, '<html>Unavailable</html>', 'edge_failed'],
  ['the edge without its origin, with 520', 520, 'error code: 520', 'edge_failed'],
  ['an error without a word', 500, '', 'edge_failed'],
  ['a key that is unknown', 401, body({ message: 'User not found.', code: 401 }), 'unauthorized'],
  [
    'a spent key, as 403',
    403,
    body({ message: 'Key limit exceeded (total limit). Manage it using https://x/settings/keys' }),
    'key_limit_reached',
  ],
  [
    'a spent key, as 402',
    402,
    body({
      message:
        'This request requires more credits, or fewer max_tokens. To increase, visit https://openrouter.ai/settings/keys and create a key with a higher daily limit',
    }),
    'key_limit_reached',
  ],
  [
    'a spent account',
    402,
    body({
      message: 'Insufficient credits. Add more using https://openrouter.ai/settings/credits',
    }),
    'credits_exhausted',
  ],
  [
    'credits held by requests in flight',
    402,
    body({ message: 'x', metadata: { reason: 'in_flight_budget_exhausted' } }),
    'in_flight_budget_held',
  ],
  [
    'one request that is too dear',
    402,
    body({
      message: 'x',
      metadata: { limit_source: 'openrouter_credits', reason: 'weight_exceeds_budget' },
    }),
    'caller_error',
  ],
  [
    "a workspace's budget",
    403,
    body({ message: 'Workspace monthly budget of $500.00 exceeded. Contact your admin.' }),
    'budget_exhausted',
  ],
  [
    'moderation',
    403,
    body({ message: 'Request blocked', metadata: { reasons: ['violence'], flagged_input: 'x' } }),
    'caller_error',
  ],
  ['an unknown model', 400, body({ message: 'x is not a valid model ID' }), 'caller_error'],
  ['a validation error of another shape', 400, '{"success":false,"error":{}}', 'caller_error'],
  ['no provider', 503, body({ message: 'Service temporarily unavailable' }), 'provider_limited'],
  ['an overloaded provider', 529, body({ message: 'Provider returned error' }), 'provider_limited'],
  ['a broken provider', 502, body({ message: 'Provider returned error' }), 'provider_failed'],
  [
    "the shape of Anthropic's API",
    403,
    JSON.stringify({
      type: 'error',
      error: { type: 'permission_error', message: 'Key limit exceeded (daily limit).' },
      request_id: null,
    }),
    'key_limit_reached',
  ],
];

/** Each sign alone is enough. */
const SIGNS: [status: number, error: object, outcome: object][] = [
  [429, { message: 'free-models-per-min' }, { kind: 'free_tier_exhausted', window: 'minute' }],
  [429, { message: 'free-models-per-day' }, { kind: 'free_tier_exhausted', window: 'day' }],
  [
    429,
    { metadata: { limit_source: 'openrouter_free_tier_daily' } },
    { kind: 'free_tier_exhausted', window: 'day' },
  ],
  [429, { message: 'limit_rpd/x' }, { kind: 'model_throttled' }],
  [429, { availability: { code: 'capacity_exhausted' } }, { kind: 'model_limited' }],
  [429, { message: 'All providers for x at capacity' }, { kind: 'model_limited' }],
  [
    429,
    { metadata: { limit_source: 'upstream_provider_shared_pool' } },
    { kind: 'provider_limited' },
  ],
  [429, { metadata: { provider_name: 'x' } }, { kind: 'provider_limited', provider: 'x' }],
  [429, { metadata: { raw: 'x' } }, { kind: 'provider_limited' }],
  [429, { message: 'rate-limited upstream' }, { kind: 'provider_limited' }],
  [
    402,
    { metadata: { limit_source: 'openrouter_in_flight_budget' } },
    { kind: 'in_flight_budget_held' },
  ],
  [402, { metadata: { reason: 'in_flight_budget_exhausted' } }, { kind: 'in_flight_budget_held' }],
  [402, { metadata: { limit_source: 'openrouter_key_limit' } }, { kind: 'key_limit_reached' }],
  [
    402,
    { message: 'see /workspaces/default/keys/0123456789abcdef' },
    { kind: 'key_limit_reached' },
  ],
  [402, { message: 'see /keys/0123456789abcde' }, { kind: 'credits_exhausted' }],
  [403, { message: 'Key limit exceeded (daily limit)' }, { kind: 'key_limit_reached' }],
  [
    403,
    { metadata: { limit_source: 'openrouter_workspace_budget' } },
    { kind: 'budget_exhausted' },
  ],
  [
    403,
    { metadata: { limit_source: 'openrouter_guardrail_budget' } },
    { kind: 'budget_exhausted' },
  ],
  [403, { message: 'Workspace budget of $5 exceeded' }, { kind: 'budget_exhausted' }],
  [402, { message: 'can only afford 255. To increase' }, { kind: 'credits_exhausted' }],
  [402, { message: 'can only afford 256. To increase' }, { kind: 'credits_short' }],
  [402, { message: 'credits' }, { kind: 'credits_exhausted' }],
  [404, { message: 'No allowed providers are available for x' }, { kind: 'account_policy' }],
  [404, { message: 'No endpoints found matching your data policy' }, { kind: 'account_policy' }],
  [404, { availability: { code: 'privacy_restricted' } }, { kind: 'account_policy' }],
  [404, { availability: { code: 'constraint_filtered' } }, { kind: 'account_policy' }],
  [404, { metadata: { failed_routing_step: 'guardrails' } }, { kind: 'account_policy' }],
  [404, { message: 'Preset not found' }, { kind: 'account_policy' }],
  [400, { message: '@preset/mine is not a valid model ID' }, { kind: 'account_policy' }],
  [403, { message: 'Blocked by a guardrail' }, { kind: 'account_policy' }],
  [
    403,
    { message: 'Request blocked: prompt injection patterns detected' },
    { kind: 'caller_error' },
  ],
  [403, { message: 'Management keys cannot call this' }, { kind: 'unauthorized' }],
  [403, { message: 'Only management keys can perform this operation' }, { kind: 'caller_error' }],
  [404, { message: 'No endpoints found for x.' }, { kind: 'caller_error' }],
  [404, { availability: { code: 'no_endpoints' } }, { kind: 'caller_error' }],
  [404, { message: 'No endpoints found that satisfy the max price' }, { kind: 'caller_error' }],
  [400, { message: 'x is not a valid model ID' }, { kind: 'caller_error' }],
  [404, { message: 'data policy', metadata: { provider_name: 'x' } }, { kind: 'caller_error' }],
  [401, { metadata: { provider_name: 'x' } }, { kind: 'provider_failed' }],
  [
    401,
    { metadata: { provider_name: 'x', limit_source: 'openrouter_x' } },
    { kind: 'unauthorized' },
  ],
  [
    403,
    { message: 'Key limit exceeded', metadata: { provider_name: 'x' } },
    { kind: 'caller_error' },
  ],
  [408, {}, { kind: 'provider_failed' }],
  [499, {}, { kind: 'caller_error' }],
  [500, {}, { kind: 'provider_failed' }],
];

const WITHIN: [error: object, outcome: object][] = [
  [{ code: 502 }, { kind: 'provider_failed', status: 502 }],
  [{ code: 400 }, { kind: 'caller_error', status: 400 }],
  [{ code: 401 }, { kind: 'provider_failed', status: 401 }],
  [{ code: 402 }, { kind: 'provider_failed', status: 402 }],
  [
    { code: 402, metadata: { limit_source: 'openrouter_credits' } },
    { kind: 'credits_exhausted', status: 402 },
  ],
  [{ code: 429 }, { kind: 'provider_limited', status: 429 }],
  [{ code: 429, message: 'free-models-per-day' }, { kind: 'free_tier_exhausted' }],
  [{ code: 1429 }, { kind: 'provider_failed', status: 502 }],
  [{ code: 4290 }, { kind: 'provider_failed', status: 502 }],
  [{ code: 200 }, { kind: 'provider_failed', status: 502 }],
  [{}, { kind: 'provider_failed', status: 502 }],
  [{ code: 'server_error' }, { status: 500 }],
  [{ code: 'rate_limit_exceeded' }, { status: 429 }],
  [{ code: 'insufficient_quota' }, { status: 402 }],
  [{ type: 'invalid_request_error' }, { status: 400 }],
  [{ type: 'authentication_error' }, { status: 401, kind: 'provider_failed' }],
  [{ type: 'billing_error' }, { status: 402 }],
  [{ type: 'permission_error' }, { status: 403, kind: 'caller_error' }],
  [{ type: 'not_found_error' }, { status: 404, kind: 'caller_error' }],
  [{ type: 'request_too_large' }, { status: 413, kind: 'caller_error' }],
  [{ type: 'rate_limit_error' }, { status: 429, kind: 'provider_limited' }],
  [{ type: 'api_error' }, { status: 500, kind: 'provider_failed' }],
  [{ type: 'timeout_error' }, { status: 504, kind: 'provider_failed' }],
  [{ type: 'overloaded_error' }, { status: 529, kind: 'provider_limited' }],
  [{ error_type: 'provider_overloaded' }, { status: 529, kind: 'provider_limited' }],
  [{ metadata: { error_type: 'provider_unavailable' } }, { status: 502, kind: 'provider_failed' }],
  [{ code: 'unknown', type: 'overloaded_error' }, { status: 529 }],
];

describe('an error within a 200', () => {
  it.each(WITHIN)('%j', (error, outcome) => {
    expect(classifyErrorWithin(body(error), {})).toMatchObject(outcome);
  });

  it('keeps its evidence', () => {
    const text = body({ code: 429, metadata: { retry_after_seconds: 7 } });
    expect(classifyErrorWithin(text, { 'retry-after': '9' }).evidence).toEqual([
      { field: 'retry_after_seconds', from: 'body', value: '7' },
      { field: 'retry-after', from: 'header', value: '9' },
    ]);
  });
});

describe('classifyFailure', () => {
  it.each(FAMILIES)('recognises %s', (_name, status, text, kind) => {
    expect(failure(status, text)).toMatchObject({ kind, status });
  });

  it.each(SIGNS)('of %i %j', (status, error, outcome) => {
    expect(failure(status, body(error))).toMatchObject(outcome);
  });

  it('passes on all that header and body say about a limit, each piece in its place', () => {
    const metadata = {
      headers: { 'x-ratelimit-reset': '1', 'retry-after': '6', 'x-ratelimit-limit': '7' },
      resets_at: '3',
      retry_after_seconds: 4,
    };
    const headers = {
      'x-ratelimit-reset': ['2', 'x'],
      'retry-after': '5',
      'x-ratelimit-limit': '8',
    };
    const outcome = failure(429, body({ metadata }), headers);
    expect(outcome.evidence).toEqual([
      { field: 'x-ratelimit-reset', from: 'body', value: '1' },
      { field: 'x-ratelimit-reset', from: 'header', value: '2' },
      { field: 'resets_at', from: 'body', value: '3' },
      { field: 'retry_after_seconds', from: 'body', value: '4' },
      { field: 'retry-after', from: 'header', value: '5' },
      { field: 'retry-after', from: 'body', value: '6' },
      { field: 'x-ratelimit-limit', from: 'body', value: '7' },
      { field: 'x-ratelimit-limit', from: 'header', value: '8' },
    ]);
  });

  it('passes on no more than fits', () => {
    const long = 'x'.repeat(1_000);
    const text = body({ message: long, metadata: { provider_name: long, resets_at: long } });
    const outcome = failure(429, text);
    expect(outcome.provider).toHaveLength(100);
    expect(outcome.detail).toHaveLength(300);
    expect(outcome.evidence[0]?.value).toHaveLength(64);
    expect(failure(429, body({ message: 'x' }))).not.toHaveProperty('provider');
  });

  it('tells the minute from the day', () => {
    const minute = failure(429, body({ message: 'Rate limit exceeded: free-models-per-min. ' }));
    const day = failure(
      429,
      body({ message: 'Rate limit exceeded: free-models-per-day-high-balance. ' }),
    );
    expect([minute, day]).toMatchObject([{ window: 'minute' }, { window: 'day' }]);
  });

  it('passes on what header and body say about the end of a limit', () => {
    const text = body({
      message: 'x',
      metadata: { headers: { 'X-RateLimit-Reset': 1790985600000 }, retry_after_seconds: 3 },
    });
    expect(failure(429, text, { 'retry-after': '4' })).toMatchObject({
      evidence: [
        { field: 'x-ratelimit-reset', from: 'body', value: '1790985600000' },
        { field: 'retry_after_seconds', from: 'body', value: '3' },
        { field: 'retry-after', from: 'header', value: '4' },
      ],
    });
  });

  it('keeps keys, key hashes and account ids out of the detail', () => {
    const hash = 'ab'.repeat(32);
    const outcome = failure(
      403,
      body({ message: `Key limit exceeded, see /keys/${hash} of user_2abcdefgh, sk-or-v1-x9` }),
    );
    expect(outcome).toMatchObject({ detail: 'Key limit exceeded, see /keys/*** of user_***, ***' });
  });

  it('makes an outcome of any bytes, in any nesting', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ error: value })),
      fc.jsonValue().map((value) => JSON.stringify({ error: { message: 'm', metadata: value } })),
    );
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 599 }), anything, (status, text) => {
        expect(failure(status, text).kind).toBeTypeOf('string');
      }),
    );
  });
});

describe('refusesKey', () => {
  it('is true for what another key can cure, and for nothing else', () => {
    const curable = FAMILIES.filter(([, status, text]) => refusesKey(failure(status, text)));
    expect(new Set(curable.map(([, , , kind]) => kind))).toEqual(
      new Set([
        'free_tier_exhausted',
        'rate_limited',
        'model_throttled',
        'unauthorized',
        'key_limit_reached',
        'credits_exhausted',
        'in_flight_budget_held',
        'budget_exhausted',
      ]),
    );
  });
});
