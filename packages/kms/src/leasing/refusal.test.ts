import { describe, expect, it } from 'vitest';
import { noKey, refusalOf, type KeyAvailability } from './refusal.ts';

const NOW = 1_000_000;
const free = (isTried = false): KeyAvailability => ({ blockedUntil: 0, isTried });
const cooling = (ms: number, isTried = false): KeyAvailability => ({
  blockedUntil: NOW + ms,
  isTried,
});
const disabled = (isTried = false): KeyAvailability => ({ blockedUntil: Infinity, isTried });

describe('a refusal', () => {
  it.each<[string, KeyAvailability[], object]>([
    ['no keys', [], { reason: 'no_keys', retryAfterMs: null }],
    ['all disabled', [disabled()], { reason: 'disabled', retryAfterMs: null }],
    [
      'all cooling, the first to return counts',
      [cooling(90), cooling(30), disabled()],
      { reason: 'cooling', retryAfterMs: 30 },
    ],
    ['all busy', [free()], { reason: 'busy', retryAfterMs: 1_000 }],
    [
      'busy, and one returns sooner than a lease may end',
      [cooling(30), free()],
      { reason: 'busy', retryAfterMs: 30 },
    ],
    ['all tried', [free(true)], { reason: 'exhausted', retryAfterMs: null }],
    ['all tried and cooling since', [cooling(30, true)], { reason: 'cooling', retryAfterMs: 30 }],
    [
      'tried but for a disabled one',
      [free(true), disabled()],
      { reason: 'exhausted', retryAfterMs: null },
    ],
    ['all tried and disabled since', [disabled(true)], { reason: 'exhausted', retryAfterMs: null }],
    [
      'tried but for a cooling one',
      [free(true), cooling(30)],
      { reason: 'cooling', retryAfterMs: 30 },
    ],
    ['one whose cooldown ends now', [cooling(0)], { reason: 'busy', retryAfterMs: 1_000 }],
  ])('says why: %s', (_name, keys, expected) => {
    expect(refusalOf(keys, NOW)).toEqual(expected);
  });

  it('says when to try again, if that helps', () => {
    const at = Date.UTC(2026, 0, 1);
    const cools = noKey({ reason: 'cooling', retryAfterMs: 1_000 }, at);
    expect(cools.message).toContain('Try again at 2026-01-01T00:00:01.000Z.');
    const none = noKey({ reason: 'no_keys', retryAfterMs: null }, at);
    expect(none.message).toBe('No key is configured: add one to openrouter.keys.');
  });
});
