import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

test.each([
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['4h', 14_400_000],
  ['1.5h', 5_400_000],
  [' 30 s ', 30_000],
  ['300', 300_000],
  [300, 300_000],
  [0.25, 250],
  [0, 0],
])('%j is %d ms', (value, milliseconds) => {
  expect(parseDuration(value)).toBe(milliseconds);
});

test.each([
  '',
  's',
  '-1s',
  '1 day',
  '1d',
  '1h30m',
  '5M',
  '1e3s',
  '0x10',
  '١s',
  'Infinity',
  -1,
  1e21,
  NaN,
  Infinity,
  null,
  undefined,
  true,
  [],
  ['1s'],
  {},
])('%j is no duration', (value) => {
  expect(parseDuration(value)).toBeUndefined();
});

test('a duration that is written is read back', () => {
  fc.assert(
    fc.property(fc.nat(), (milliseconds) => {
      expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
    }),
  );
});

test('a number of seconds and the same with its unit are one duration', () => {
  fc.assert(
    fc.property(fc.nat(), (seconds) => {
      expect(parseDuration(seconds)).toBe(seconds * 1000);
      expect(parseDuration(`${seconds}s`)).toBe(seconds * 1000);
    }),
  );
});

test('whatever the value, the result is a whole number of milliseconds or nothing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.stringMatching(/^[\d.]{0,30}[msh]{0,2}$/)), (value) => {
      const result = parseDuration(value);
      expect(result === undefined || (Number.isSafeInteger(result) && result >= 0)).toBe(true);
    }),
  );
});
