import { describe, expect, it } from 'vitest';
import { mayRepeat, type FailedAttempt } from './repeats.ts';

const attempt = (given: Partial<FailedAttempt>): FailedAttempt => ({
  ...{ outcome: 'provider_failed', isUnsent: false, status: null, hasContent: false },
  ...given,
});

describe('a request that makes something', () => {
  it.each([
    ['no connection was made', { outcome: 'connection_failed', isUnsent: true }],
    ['the key is unknown', { outcome: 'unauthorized', status: 401 }],
    ['credits are missing', { outcome: 'credits_exhausted', status: 402 }],
    ['the key has spent its limit', { outcome: 'key_limit_reached', status: 403 }],
    ['a budget is spent', { outcome: 'budget_exhausted', status: 403 }],
    ['the account shuts the model out', { outcome: 'account_policy', status: 404 }],
    ['a rate limit is reached', { outcome: 'rate_limited', status: 429 }],
  ] as const)('is repeated when %s', (_reason, given) => {
    expect(mayRepeat('not-taken', attempt(given))).toBe(true);
  });

  it.each([
    ['the connection broke after it was sent', { outcome: 'connection_failed' }],
    ['nothing came in time', { outcome: 'timeout' }],
    ['the answer was cut', { outcome: 'truncated', status: 200 }],
    ['OpenRouter answered 502', { outcome: 'provider_failed', status: 502 }],
    ['a rate limit is told within a 200', { outcome: 'provider_limited', status: 200 }],
    ['the provider is overloaded', { outcome: 'provider_limited', status: 503 }],
    ['moderation refused it', { outcome: 'caller_error', status: 403 }],
  ] as const)('is not repeated when %s', (_reason, given) => {
    expect(mayRepeat('not-taken', attempt(given))).toBe(false);
  });
});

it('repeats reads and text until the client has content, and nothing that is answered here', () => {
  const failed = attempt({ status: 502 });
  expect(mayRepeat('always', failed)).toBe(true);
  expect(mayRepeat('before-content', failed)).toBe(true);
  expect(mayRepeat('before-content', { ...failed, hasContent: true })).toBe(false);
  expect(mayRepeat('never', failed)).toBe(false);
});
