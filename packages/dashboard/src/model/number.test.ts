import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatRate, formatShare } from './number.ts';

describe('numbers as they are read', () => {
  it.each([
    [0, '0'],
    [1234, '1,234'],
    [9_999, '9,999'],
    [10_000, '10k'],
    [12_345, '12.3k'],
    [999_949, '999.9k'],
    [999_950, '1M'],
    [4_500_000, '4.5M'],
    [999_960_000, '1G'],
    [7.2e12, '7.2T'],
  ])('counts %d as %s', (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  it.each([
    [0, '0'],
    [0.254, '0.25'],
    [12.34, '12.3'],
    [123.4, '123'],
    [54_321, '54.3k'],
  ])('writes the rate %d as %s', (rate, text) => {
    expect(formatRate(rate)).toBe(text);
  });

  it.each([
    [987, 1000, '98.7 %'],
    [1, 1, '100 %'],
    [0, 5, '0 %'],
    [99_999, 100_000, '> 99.9 %'],
    [1, 100_000, '< 0.1 %'],
    [0, 0, '–'],
  ])('shows %d of %d as %s, never as more than it is', (part, all, text) => {
    expect(formatShare(part, all)).toBe(text);
  });

  it.each([
    [512, '512 B'],
    [1536, '1.5 KiB'],
    [5 * 2 ** 30, '5 GiB'],
    [2 ** 52, '4,096 TiB'],
  ])('measures %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
