import { describe, expect, it } from 'vitest';
import type { Outcome } from '@openrouter-proxy/kms-protocol';
import { outcomeEffects } from './outcome-policy.ts';

const NOW = Date.UTC(2026, 9, 2, 12, 0, 30);
const POLICY = { rateLimitCooldownMs: 3_600_000 };
const ABOUT = { keyId: 'k', account: 'a', model: 'x/y:free' };

const of = (kind: string, rest: object = {}, about: object = {}) =>
  outcomeEffects(
    { kind, status: 429, evidence: [], detail: '', ...rest } as unknown as Outcome,
    { ...ABOUT, ...about },
    NOW,
    POLICY,
  );
const retryAfter = (value: string) => ({
  evidence: [{ field: 'retry-after', from: 'header', value }],
});

const account = (pool: string) => ({ scope: 'account', account: 'a', pool });
const keyModel = { scope: 'key-model', keyId: 'k', model: ABOUT.model };
const accountModel = { scope: 'account-model', account: 'a', model: ABOUT.model };
const model = { scope: 'model', model: ABOUT.model };
const upstream = { scope: 'upstream' };
const FAILURE = { kind: 'failure', subject: model, said: null };

describe('what an outcome means beyond its key', () => {
  it.each<[kind: string, rest: object, expected: object[]]>([
    [
      'free_tier_exhausted',
      { window: 'minute' },
      [{ kind: 'limit', subject: account('free'), end: { until: NOW + 30_000, source: 'window' } }],
    ],
    [
      'free_tier_exhausted',
      { window: 'day' },
      [
        {
          kind: 'limit',
          subject: account('free'),
          end: { until: Date.UTC(2026, 9, 3), source: 'window' },
        },
      ],
    ],
    [
      'in_flight_budget_held',
      {},
      [
        {
          kind: 'limit',
          subject: account('paid'),
          end: { until: NOW + 10_000, source: 'default' },
        },
      ],
    ],
    [
      'budget_exhausted',
      retryAfter('60'),
      [{ kind: 'limit', subject: account('paid'), end: { until: NOW + 60_000, source: 'header' } }],
    ],
    ['rate_limited', {}, [{ kind: 'back-off', subject: keyModel }, FAILURE]],
    [
      'rate_limited',
      retryAfter('7'),
      [
        { kind: 'limit', subject: keyModel, end: { until: NOW + 7_000, source: 'header' } },
        { ...FAILURE, said: { until: NOW + 7_000, source: 'header' } },
      ],
    ],
    [
      'account_policy',
      {},
      [
        {
          kind: 'limit',
          subject: accountModel,
          end: { until: NOW + 600_000, source: 'default' },
        },
      ],
    ],
    ['account_policy', { isNarrowed: true }, []],
    ['model_throttled', {}, [{ kind: 'back-off', subject: accountModel }, FAILURE]],
    ['model_limited', {}, [FAILURE]],
    ['provider_limited', {}, [FAILURE]],
    [
      'provider_limited',
      retryAfter('5'),
      [{ ...FAILURE, said: { until: NOW + 5_000, source: 'header' } }],
    ],
    [
      'provider_limited',
      retryAfter('99999'),
      [{ ...FAILURE, said: { until: NOW + 3_600_000, source: 'header' } }],
    ],
    ['provider_failed', {}, [FAILURE]],
    ['truncated', {}, [FAILURE]],
    ['timeout', {}, [FAILURE]],
    ['connection_failed', {}, [{ ...FAILURE, subject: upstream }]],
    ['edge_failed', {}, [{ ...FAILURE, subject: upstream }]],
    ['edge_blocked', {}, [{ ...FAILURE, subject: upstream }]],
    ['caller_error', {}, [{ kind: 'reset', subject: upstream }]],
    ['key_limit_reached', {}, [{ kind: 'reset', subject: upstream }]],
    ['credits_short', {}, [{ kind: 'reset', subject: upstream }]],
    [
      'success',
      {},
      [
        { kind: 'reset', subject: upstream },
        { kind: 'reset', subject: model },
        { kind: 'reset', subject: keyModel },
        { kind: 'reset', subject: accountModel, reason: 'account_policy' },
        { kind: 'reset', subject: account('all'), reason: 'credits_exhausted' },
      ],
    ],
  ])('%s %j', (kind, rest, expected) => {
    expect(of(kind, rest)).toMatchObject(expected);
    expect(of(kind, rest)).toHaveLength(expected.length);
  });

  it.each(['unauthorized', 'edge_refused', 'client_abort', 'unused'])(
    'of %s is nothing',
    (kind) => {
      expect(of(kind)).toEqual([]);
    },
  );

  it('of spent credits is the end of paid models; of every model once free ones are refused several times', () => {
    expect(of('credits_exhausted', {}, { model: 'x/paid' })).toMatchObject([
      { subject: account('paid') },
    ]);
    expect(of('credits_exhausted', {}, { model: null })).toMatchObject([
      { subject: account('paid') },
    ]);
    expect(of('credits_exhausted')).toMatchObject([{ kind: 'failure', subject: account('all') }]);
  });

  it.each([
    ['50', 50],
    ['0', undefined],
    ['many', undefined],
  ])('of a spent allowance teaches how large it is: %s', (value, limit) => {
    const evidence = [{ field: 'x-ratelimit-limit', from: 'body', value }];
    const learnt = of('free_tier_exhausted', { window: 'day', evidence }).find(
      ({ kind }) => kind === 'learn',
    );
    expect(learnt).toEqual(limit && { kind: 'learn', account: 'a', window: 'day', limit });
  });

  it.each([
    'rate_limited',
    'model_throttled',
    'model_limited',
    'provider_limited',
    'provider_failed',
  ])('of %s is nothing where the model is not known', (kind) => {
    expect(of(kind, {}, { model: null })).toEqual([]);
  });
});
