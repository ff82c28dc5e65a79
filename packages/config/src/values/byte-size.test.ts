import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatByteSize, parseByteSize } from './byte-size.ts';

test.each([
  ['64MiB', 67_108_864],
  ['64mib', 67_108_864],
  ['512 KiB', 524_288],
  ['1GiB', 1_073_741_824],
  ['1.5KiB', 1_536],
  ['1kB', 1_000],
  ['2MB', 2_000_000],
  ['1GB', 1_000_000_000],
  ['10B', 10],
  ['1000', 1_000],
  [1000, 1_000],
  [0, 0],
])('%j is %d bytes', (value, bytes) => {
  expect(parseByteSize(value)).toBe(bytes);
});

test.each([
  '',
  'MiB',
  '-1MiB',
  '64M',
  '64MiBs',
  '1TiB',
  '1e3',
  'toString',
  -1,
  1e21,
  NaN,
  null,
  undefined,
  true,
  [],
  ['1B'],
  {},
])('%j is no size', (value) => {
  expect(parseByteSize(value)).toBeUndefined();
});

test('a size that is written is read back', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(1, 2 ** 10, 2 ** 20), (count, unit) => {
      expect(parseByteSize(formatByteSize(count * unit))).toBe(count * unit);
    }),
  );
});

test('whatever the value, the result is a whole number of bytes or nothing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.stringMatching(/^[\d.]{0,30}[KMG]?i?B?$/)), (value) => {
      const result = parseByteSize(value);
      expect(result === undefined || (Number.isSafeInteger(result) && result >= 0)).toBe(true);
    }),
  );
});
