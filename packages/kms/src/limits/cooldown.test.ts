import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '@openrouter-proxy/kms-protocol';
import { DAY_MS } from '@openrouter-proxy/runtime';
import {
  LONGEST_COOLDOWN_MS,
  cooldownEnd,
  evidenceEnd,
  limits,
  nextReset,
  type LimitOutcome,
} from './cooldown.ts';

const NOW = Date.UTC(2026, 9, 2, 12, 0, 30);
const POLICY = { rateLimitCooldownMs: 4 * 3_600_000 };

function limited(
  evidence: Evidence[],
  kind: Exclude<LimitOutcome['kind'], 'free_tier_exhausted'> = 'rate_limited',
): LimitOutcome {
  return { kind, status: 429, evidence, detail: '' };
}

const freeTier = (window: 'minute' | 'day', evidence: Evidence[] = []): LimitOutcome => ({
  ...{ kind: 'free_tier_exhausted', window, status: 429, evidence, detail: '' },
});

function lasts(outcome: LimitOutcome): [number, string] {
  const { until, source } = cooldownEnd(outcome, NOW, POLICY);
  return [until - NOW, source];
}

const header = (field: Evidence['field'], value: string): Evidence => ({
  ...{ field, from: 'header', value },
});
const body = (field: Evidence['field'], value: string): Evidence => ({
  ...{ field, from: 'body', value },
});

const DEFAULT: [number, string] = [POLICY.rateLimitCooldownMs, 'default'];

describe('a cooldown read from one piece of evidence', () => {
  it.each<[string, Evidence, [number, string]]>([
    [
      'a reset in epoch milliseconds',
      header('x-ratelimit-reset', `${NOW + 30_000}`),
      [30_000, 'header'],
    ],
    [
      'a reset in epoch seconds',
      header('x-ratelimit-reset', `${NOW / 1000 + 30}`),
      [30_000, 'header'],
    ],
    ['a reset in seconds from now', body('x-ratelimit-reset', '45'), [45_000, 'body']],
    ['a reset that is past', header('x-ratelimit-reset', `${NOW - 1}`), DEFAULT],
    ['a reset that is now', header('x-ratelimit-reset', `${NOW}`), DEFAULT],
    ['a reset in the year 3000', header('x-ratelimit-reset', '32503680000000'), [DAY_MS, 'header']],
    ['a reset that is no number', header('x-ratelimit-reset', 'soon'), DEFAULT],
    ['an ISO instant', body('resets_at', '2026-10-02T13:00:30Z'), [3_600_000, 'body']],
    [
      'an ISO instant with an offset',
      body('resets_at', '2026-10-02T15:00:30+02:00'),
      [3_600_000, 'body'],
    ],
    [
      'an ISO instant without a zone, as UTC',
      body('resets_at', '2026-10-02T13:00:30'),
      [3_600_000, 'body'],
    ],
    ['an ISO instant of month 13', body('resets_at', '2026-13-02T13:00:30Z'), DEFAULT],
    ['a bare year', body('resets_at', '2027'), DEFAULT],
    ['retry_after_seconds', body('retry_after_seconds', '7'), [7_000, 'body']],
    ['retry_after_seconds with a fraction', body('retry_after_seconds', '0.25'), [250, 'body']],
    ['Retry-After in seconds', header('retry-after', '2'), [2_000, 'header']],
    ['Retry-After with spaces around', header('retry-after', ' 2 '), [2_000, 'header']],
    [
      'Retry-After with a fraction, up to the next millisecond',
      header('retry-after', '1.0001'),
      [1_001, 'header'],
    ],
    [
      'Retry-After as an IMF date',
      header('retry-after', 'Fri, 02 Oct 2026 12:01:30 GMT'),
      [60_000, 'header'],
    ],
    [
      'Retry-After as an RFC 850 date',
      header('retry-after', 'Friday, 02-Oct-26 12:01:30 GMT'),
      [60_000, 'header'],
    ],
    [
      'Retry-After as an asctime date',
      header('retry-after', 'Fri Oct  2 12:01:30 2026'),
      [60_000, 'header'],
    ],
    [
      'Retry-After as a date that is past',
      header('retry-after', 'Fri, 02 Oct 2020 12:01:30 GMT'),
      DEFAULT,
    ],
    ['a negative Retry-After', header('retry-after', '-5'), DEFAULT],
    ['a Retry-After of zero', header('retry-after', '0'), DEFAULT],
    ['a huge Retry-After', header('retry-after', '99999999999'), [DAY_MS, 'header']],
    ['a Retry-After in scientific notation', header('retry-after', '1e3'), DEFAULT],
    ['an empty Retry-After', header('retry-after', ''), DEFAULT],
    ['a Retry-After that is garbage', header('retry-after', 'friday afternoon'), DEFAULT],
  ])('handles %s', (_name, evidence, expected) => {
    expect(lasts(limited([evidence]))).toEqual(expected);
  });
});

describe('the authority of evidence', () => {
  const all = [
    header('retry-after', '1'),
    body('retry-after', '2'),
    body('retry_after_seconds', '3'),
    body('resets_at', new Date(NOW + 4_000).toISOString()),
    body('x-ratelimit-reset', `${NOW + 5_000}`),
    header('x-ratelimit-reset', `${NOW + 6_000}`),
  ];

  it.each([6, 5, 4, 3])('ends the cooldown by the best that is left: %d seconds', (count) => {
    expect(lasts(limited(all.slice(0, count)))[0]).toBe(count * 1_000);
  });

  it('prefers a Retry-After of the head to one of the body', () => {
    expect(lasts(limited(all.slice(0, 2).reverse()))).toEqual([1_000, 'header']);
  });

  it('passes over better evidence that cannot be used', () => {
    const useless = header('x-ratelimit-reset', `${NOW - 60_000}`);
    expect(lasts(limited([useless, header('retry-after', '9')]))).toEqual([9_000, 'header']);
  });
});

describe('a limit that does not say when it ends', () => {
  it.each(['rate_limited', 'key_limit_reached', 'credits_exhausted', 'budget_exhausted'] as const)(
    'lasts as configured: %s',
    (kind) => {
      expect(lasts(limited([], kind))).toEqual(DEFAULT);
    },
  );

  it('lasts ten seconds when requests in flight hold the credits', () => {
    expect(lasts(limited([], 'in_flight_budget_held'))).toEqual([10_000, 'default']);
  });

  it('lasts to the next minute for the free allowance of a minute', () => {
    expect(lasts(freeTier('minute'))).toEqual([30_000, 'window']);
  });

  it('lasts to the next UTC midnight for the free allowance of a day', () => {
    expect(lasts(freeTier('day'))).toEqual([Date.UTC(2026, 9, 3) - NOW, 'window']);
  });

  it('lasts a whole minute when the minute has just begun', () => {
    const boundary = Date.UTC(2026, 9, 2, 12, 1);
    expect(cooldownEnd(freeTier('minute'), boundary, POLICY).until).toBe(boundary + 60_000);
  });
});

describe('the bounds of a cooldown', () => {
  it.each(['key_limit_reached', 'budget_exhausted'] as const)(
    'let a limit of money last for a month: %s',
    (kind) => {
      const inThirtyDays = body('resets_at', new Date(NOW + 30 * DAY_MS).toISOString());
      expect(lasts(limited([inThirtyDays], kind))).toEqual([30 * DAY_MS, 'body']);
      const inAYear = body('resets_at', new Date(NOW + 365 * DAY_MS).toISOString());
      expect(lasts(limited([inAYear], kind))).toEqual([LONGEST_COOLDOWN_MS, 'body']);
    },
  );

  it('hold for any evidence whatever', () => {
    const anyEvidence = fc.record({
      field: fc.constantFrom(
        'x-ratelimit-reset',
        'retry-after',
        'retry_after_seconds',
        'resets_at',
      ),
      from: fc.constantFrom('header', 'body'),
      value: fc.oneof(
        fc.string({ maxLength: 64 }),
        fc.double().map(String),
        fc.bigInt().map((value) => String(value).slice(0, 64)),
        fc.date({ noInvalidDate: true }).map((date) => date.toISOString().slice(0, 64)),
        fc.date({ noInvalidDate: true }).map((date) => date.toUTCString().slice(0, 64)),
      ),
    });
    const anyKind = fc.constantFrom('rate_limited', 'key_limit_reached', 'in_flight_budget_held');
    const instant = fc.integer({ min: 0, max: 4e12 });
    fc.assert(
      fc.property(fc.array(anyEvidence, { maxLength: 8 }), anyKind, instant, (all, kind, now) => {
        const { until } = cooldownEnd(limited(all, kind), now, POLICY);
        expect(Number.isSafeInteger(until)).toBe(true);
        expect(until).toBeGreaterThan(now);
        expect(until).toBeLessThanOrEqual(now + LONGEST_COOLDOWN_MS);
      }),
      { numRuns: 2_000 },
    );
  });
});

it('leaves alone a key whose request, model, provider or connection failed', () => {
  const refusal = { status: 429, evidence: [header('retry-after', '9')], detail: '' };
  expect(limits({ kind: 'model_limited', ...refusal })).toBe(false);
  expect(limits({ kind: 'provider_limited', ...refusal })).toBe(false);
  expect(limits({ kind: 'provider_failed', ...refusal })).toBe(false);
  expect(limits({ kind: 'edge_blocked', ...refusal })).toBe(false);
  expect(limits({ kind: 'caller_error', ...refusal })).toBe(false);
  expect(limits({ kind: 'timeout', detail: '' })).toBe(false);
  expect(limits({ kind: 'unauthorized', ...refusal })).toBe(false);
});

describe('a key’s own allowance', () => {
  it.each([
    ['daily', Date.UTC(2026, 9, 2, 12), Date.UTC(2026, 9, 3)],
    ['daily', Date.UTC(2026, 11, 31, 23, 59), Date.UTC(2027, 0, 1)],
    ['weekly', Date.UTC(2026, 9, 5), Date.UTC(2026, 9, 12)], // a Monday
    ['weekly', Date.UTC(2026, 9, 6), Date.UTC(2026, 9, 12)],
    ['weekly', Date.UTC(2026, 9, 11, 23), Date.UTC(2026, 9, 12)], // a Sunday
    ['monthly', Date.UTC(2026, 9, 1), Date.UTC(2026, 10, 1)],
    ['monthly', Date.UTC(2026, 11, 31), Date.UTC(2027, 0, 1)],
  ] as const)('is filled up %s', (reset, now, at) => {
    expect(nextReset(reset, now)).toBe(at);
  });

  it('ends a cooldown of the key when nothing else says when', () => {
    const outcome: LimitOutcome = {
      ...{ kind: 'key_limit_reached', status: 403, evidence: [], detail: '' },
    };
    const end = { until: Date.UTC(2026, 9, 3), source: 'window' };
    expect(cooldownEnd(outcome, NOW, POLICY, 'daily')).toEqual(end);
    expect(cooldownEnd(outcome, NOW, POLICY, null).source).toBe('default');
    const other: LimitOutcome = { ...outcome, kind: 'budget_exhausted' };
    expect(cooldownEnd(other, NOW, POLICY, 'daily').source).toBe('default');
  });

  it('is overruled by what OpenRouter says', () => {
    const evidence: Evidence[] = [{ field: 'retry-after', from: 'header', value: '60' }];
    const outcome: LimitOutcome = {
      ...{ kind: 'key_limit_reached', status: 403, evidence, detail: '' },
    };
    expect(cooldownEnd(outcome, NOW, POLICY, 'daily')).toEqual({
      until: NOW + 60_000,
      source: 'header',
    });
  });
});

describe('evidence', () => {
  const ends = (field: Evidence['field'], value: string, from: Evidence['from'] = 'body') =>
    evidenceEnd({ evidence: [{ field, from, value }] }, NOW)?.until;

  it('of the size of a limit says nothing of its end', () => {
    expect(ends('x-ratelimit-limit', '50')).toBeUndefined();
  });

  it('beyond an hour is not believed of a model', () => {
    expect(ends('retry-after', '3600')).toBe(NOW + 3_600_000);
    expect(ends('retry-after', '3601')).toBe(NOW + 3_600_000);
  });

  it.each([
    ['x-ratelimit-reset', 'soon'],
    ['x-ratelimit-reset', '12x'],
    ['resets_at', `x${new Date(NOW + 1_000).toISOString()}`],
    ['resets_at', `${new Date(NOW + 1_000).toISOString()}x`],
    ['resets_at', String(NOW + 1_000)],
    ['retry-after', 'x Fri, 02 Oct 2026 12:01:00 GMT'],
    ['retry_after_seconds', '-1'],
  ] as const)('that cannot be read counts for nothing: %s %s', (field, value) => {
    expect(ends(field, value)).toBeUndefined();
  });

  it('of a header is taken before the same of a body', () => {
    const evidence: Evidence[] = [
      { field: 'retry-after', from: 'body', value: '10' },
      { field: 'retry-after', from: 'header', value: '20' },
    ];
    expect(evidenceEnd({ evidence }, NOW)).toEqual({ until: NOW + 20_000, source: 'header' });
    expect(evidenceEnd({ evidence: evidence.toReversed() }, NOW)?.source).toBe('header');
  });
});
