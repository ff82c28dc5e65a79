import { describe, expect, it } from 'vitest';
import type { NoKeyData, Outcome } from '@openrouter-proxy/kms-protocol';
import { nextStep, NO_HISTORY, stepWithoutKey, withAttempt, type History } from './failover.ts';

const LIMITS = { maxAttempts: null, remainingMs: 600_000, providerDelayMs: 0 };
const refusal = { status: 429, evidence: [], detail: '' };
const outcome = (kind: string, rest: object = {}) => ({ kind, ...refusal, ...rest }) as Outcome;
const retryAfter = (value: string) => [{ field: 'retry-after', from: 'header', value }];

/** What follows the last of these outcomes. */
function after(outcomes: Outcome[], limits: Partial<typeof LIMITS> = {}) {
  const history = outcomes.reduce<History>(withAttempt, NO_HISTORY);
  const last = outcomes.at(-1) ?? outcome('success');
  return nextStep(last, history, { ...LIMITS, ...limits });
}

describe('after an attempt that was refused', () => {
  it.each([
    'rate_limited',
    'free_tier_exhausted',
    'key_limit_reached',
    'credits_exhausted',
    'budget_exhausted',
    'in_flight_budget_held',
    'unauthorized',
    'model_throttled',
  ])('for its key or account (%s), another key is tried', (kind) => {
    expect(after([outcome(kind)])).toEqual({ kind: 'other-key' });
  });

  it.each([
    ['account_policy', 16],
    ['credits_short', 3],
  ])('for its account alone (%s), other accounts are tried, %i in all', (kind, accounts) => {
    const refused = Array.from({ length: accounts }, () => outcome(kind));
    expect(after(refused.slice(1))).toEqual({ kind: 'other-account' });
    expect(after(refused)).toEqual({ kind: 'answer' });
  });

  it.each(['caller_error', 'edge_blocked', 'edge_refused', 'client_abort', 'success', 'unused'])(
    'and no key can help (%s), the client is answered',
    (kind) => {
      expect(after([outcome(kind)])).toEqual({ kind: 'answer' });
    },
  );

  it('a hundred keys are tried, but no more than are allowed', () => {
    const refused = Array.from({ length: 100 }, () => outcome('unauthorized'));
    expect(after(refused)).toEqual({ kind: 'other-key' });
    expect(after(refused, { maxAttempts: 101 } as never)).toEqual({ kind: 'other-key' });
    expect(after(refused, { maxAttempts: 100 } as never)).toEqual({ kind: 'answer' });
  });
});

describe('after a provider’s failure', () => {
  it('the wait is what the upstream asks for', () => {
    const limited = outcome('provider_limited', { evidence: retryAfter('3') });
    expect(after([limited])).toEqual({ kind: 'again', afterMs: 3_000 });
  });

  it('the wait is at least the configured one when the provider is overloaded', () => {
    const limits = { providerDelayMs: 4_000 };
    expect(after([outcome('provider_limited')], limits)).toEqual({ kind: 'again', afterMs: 4_000 });
    expect(after([outcome('model_limited')], limits)).toEqual({ kind: 'again', afterMs: 4_000 });
    expect(after([outcome('provider_failed')], limits)).toEqual({ kind: 'again', afterMs: 250 });
    expect(after([outcome('edge_failed')], limits)).toEqual({ kind: 'again', afterMs: 250 });
  });

  it('the wait doubles, and the third failure is the last', () => {
    const limited = outcome('provider_limited');
    expect(after([limited])).toEqual({ kind: 'again', afterMs: 500 });
    expect(after([limited, limited])).toEqual({ kind: 'again', afterMs: 1_000 });
    expect(after([limited, limited, limited])).toEqual({ kind: 'answer' });
  });

  it('nobody waits longer than half a minute, nor past the deadline', () => {
    const asking = (value: string) => [
      outcome('provider_limited', { evidence: retryAfter(value) }),
    ];
    expect(after(asking('30'))).toEqual({ kind: 'again', afterMs: 30_000 });
    expect(after(asking('31'))).toEqual({ kind: 'answer' });
    expect(after(asking('5'), { remainingMs: 5_000 })).toEqual({ kind: 'answer' });
    expect(after(asking('5'), { remainingMs: 5_001 })).toEqual({ kind: 'again', afterMs: 5_000 });
  });

  it.each(['Wed, 21 Oct 2015 07:28:00 GMT', '-5', 'soon', '99999999999'])(
    'a Retry-After that names no seconds (%s) counts for nothing',
    (value) => {
      const limited = outcome('provider_limited', { evidence: retryAfter(value) });
      expect(after([limited])).toEqual({ kind: 'again', afterMs: 500 });
    },
  );

  it('a silence is worth one more try, a broken stream two', () => {
    const silence = outcome('timeout');
    expect(after([silence])).toEqual({ kind: 'again', afterMs: 0 });
    expect(after([silence, silence])).toEqual({ kind: 'answer' });
    const cut = outcome('truncated');
    expect(after([cut, cut])).toEqual({ kind: 'again', afterMs: 500 });
    expect(after([cut, cut, cut])).toEqual({ kind: 'answer' });
  });

  it('a connection is tried three times, the second at once', () => {
    const failed = outcome('connection_failed');
    expect(after([failed])).toEqual({ kind: 'again', afterMs: 0 });
    expect(after([failed, failed])).toEqual({ kind: 'again', afterMs: 250 });
    expect(after([failed, failed, failed])).toEqual({ kind: 'answer' });
  });

  it('failures of other kinds are counted apart', () => {
    const mixed = [
      outcome('connection_failed'),
      outcome('provider_failed'),
      outcome('unauthorized'),
    ];
    expect(after(mixed)).toEqual({ kind: 'other-key' });
    expect(after([...mixed, outcome('provider_failed')])).toEqual({ kind: 'again', afterMs: 500 });
  });
});

describe('when no key is to be had for another attempt', () => {
  const without = (
    kind: string,
    reason: NoKeyData['reason'],
    retryAfterMs: number | null = 1_000,
    history: Partial<History> = {},
  ) =>
    stepWithoutKey(outcome(kind), { reason, retryAfterMs }, { ...NO_HISTORY, ...history }, LIMITS);

  it('a model that is held back is waited for, three times', () => {
    const held = { kind: 'again', afterMs: 1_000 };
    expect(without('provider_limited', 'model_limited')).toEqual(held);
    expect(without('provider_limited', 'model_limited', 1_000, { modelWaits: 2 })).toEqual(held);
    expect(without('provider_limited', 'model_limited', 1_000, { modelWaits: 3 })).toEqual({
      kind: 'answer',
    });
    expect(without('provider_limited', 'model_limited', 31_000)).toEqual({ kind: 'answer' });
    expect(without('provider_limited', 'model_limited', null)).toEqual({ kind: 'answer' });
  });

  it('the client gets the upstream’s words where they are about its request', () => {
    expect(without('credits_short', 'exhausted')).toEqual({ kind: 'answer' });
    expect(without('account_policy', 'cooling', 600_000)).toEqual({ kind: 'answer' });
    expect(without('provider_failed', 'upstream_blocked')).toEqual({ kind: 'answer' });
  });

  it.each(['unauthorized', 'key_limit_reached', 'credits_exhausted', 'free_tier_exhausted'])(
    'but not what concerns the keys alone (%s)',
    (kind) => {
      expect(without(kind, 'exhausted')).toEqual({ kind: 'refuse' });
    },
  );

  it.each(['cooling', 'busy', 'disabled', 'no_keys', 'queue_full'] as const)(
    'nor where the pool has something of its own to say (%s)',
    (reason) => {
      expect(without('credits_short', reason)).toEqual({ kind: 'refuse' });
    },
  );
});
