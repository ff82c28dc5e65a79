import { expect, it } from 'vitest';
import { clockTime, span, until, when } from './instant.ts';

const NOW = new Date(2026, 10, 23, 16, 30).getTime();

it.each([
  [0, '0ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [598_000, '9m 58s'],
  [600_000, '10m'],
  [14_400_000, '4h'],
  [90_000_000, '1d 1h'],
])('%i ms are %s', (ms, text) => {
  expect(span(ms)).toBe(text);
});

it('a time is told by the clock, with the day if it is another', () => {
  expect(clockTime(NOW + 1_000, NOW)).toBe('16:30:01');
  expect(clockTime(NOW + 86_400_000, NOW)).toBe('2026-11-24 16:30:00');
});

it('an instant is told both ways', () => {
  expect(when(NOW - 3_600_000, NOW)).toBe('1h ago (15:30:00)');
  expect(when(NOW + 60_000, NOW)).toBe('in 1m (16:31:00)');
  expect(until(NOW + 60_000, NOW)).toBe('until 16:31:00 (in 1m)');
});
