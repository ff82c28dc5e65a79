import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyFailure, refusesKey } from './outcome.ts';

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
  ['the edge, with 403', 403, '<html>blocked</html>', 'edge_blocked'],
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

describe('classifyFailure', () => {
  it.each(FAMILIES)('recognises %s', (_name, status, text, kind) => {
    expect(failure(status, text)).toMatchObject({ kind, status });
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
