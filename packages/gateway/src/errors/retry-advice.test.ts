import { describe, expect, it } from 'vitest';
import { retryAdvice } from './retry-advice.ts';

const NOW = Date.parse('2026-11-28T10:45:10Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('advice to retry', () => {
  it.each([
    [1, '1'],
    [1_000, '1'],
    [11_001, '12'],
    [60_000, '60'],
  ])('after %i ms names whole seconds, and lets clients repeat by themselves', (ms, seconds) => {
    expect(retryAdvice(ms, NOW)).toEqual({
      headers: { 'retry-after': seconds },
      sentence: `Try again in ${seconds} s.`,
    });
  });

  it.each([
    [60_001, 'at 10:46 UTC, in 2 min'],
    [3 * HOUR + 20 * MINUTE, 'at 14:05 UTC, in 3 h 20 min'],
    [4 * HOUR, 'at 14:45 UTC, in 4 h'],
    [14 * HOUR, 'at 2026-11-29 00:45 UTC, in 14 h'],
    [53 * HOUR, 'at 2026-11-30 15:45 UTC, in 2 d 5 h'],
  ])('after %i ms says it in words, and keeps clients from sleeping for so long', (ms, words) => {
    expect(retryAdvice(ms, NOW)).toEqual({
      headers: { 'x-should-retry': 'false' },
      sentence: `Try again ${words}.`,
    });
  });

  it('is empty when nobody knows', () => {
    expect(retryAdvice(undefined, NOW)).toEqual({ headers: {}, sentence: '' });
  });
});
