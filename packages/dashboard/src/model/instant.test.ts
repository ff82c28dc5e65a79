import { describe, expect, it } from 'vitest';
import {
  formatDistance,
  formatDuration,
  formatInstant,
  formatMinute,
  formatSpan,
  startOfUtcDay,
} from './instant.ts';

const NOW = Date.UTC(2026, 10, 23, 14, 2);

describe('times as they are read', () => {
  it.each([
    [0, '0 s'],
    [400, '1 s'],
    [59_000, '59 s'],
    [192_000, '3 m 12 s'],
    [191_001, '3 m 12 s'],
    [180_000, '3 m'],
    [7_500_000, '2 h 5 m'],
    [349_200_000, '4 d 1 h'],
    [-5, '0 s'],
  ])('says a span of %d ms as %s, which is never too short', (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });

  it.each([
    [0, '0 ms'],
    [0.42, '0.4 ms'],
    [87.4, '87 ms'],
    [999.6, '1.00 s'],
    [1_254, '1.25 s'],
    [9_996, '10.0 s'],
    [23_456, '23.5 s'],
    [192_000, '3 m 12 s'],
  ])('says a measured time of %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it.each([
    [NOW + 190_000, '14:05:10'],
    [Date.UTC(2026, 10, 24, 14, 2), '24 Nov, 14:02:00'],
    [Date.UTC(2026, 10, 22, 23, 59, 59), '22 Nov, 23:59:59'],
    [Date.UTC(2027, 10, 23), '23 Nov 2027'],
  ])('names the instant %d with as much of its date as it takes: %s', (at, text) => {
    expect(formatInstant(at, NOW, 'UTC')).toBe(text);
  });

  it('names the minute', () => {
    expect(formatMinute(NOW, 'UTC')).toBe('14:02');
  });

  it.each([
    [NOW + 500, 'just now'],
    [NOW - 12_000, '12 s ago'],
    [NOW - 119_000, '1 m ago'],
    [NOW - 3 * 3_600_000, '3 h ago'],
    [NOW + 192_000, 'in 3 m 12 s'],
  ])('says how far away %d is: %s', (at, text) => {
    expect(formatDistance(at, NOW)).toBe(text);
  });

  it('knows when a UTC day began', () => {
    expect(startOfUtcDay(NOW)).toBe(Date.UTC(2026, 10, 23));
  });
});
