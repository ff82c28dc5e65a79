import { describe, expect, it } from 'vitest';
import { delayAfter, MAX_NETWORKS, WrongKeyCounts } from './wrong-keys.ts';

const MINUTE_MS = 60_000;

describe('the delay after wrong keys', () => {
  it('begins with the fourth, doubles, and ends at eight seconds', () => {
    const counts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16];
    expect(counts.map(delayAfter)).toEqual([
      ...[0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000],
    ]);
  });
});

describe('the counts of wrong keys', () => {
  const after = (counts: WrongKeyCounts, times: number, now: number, network = 'a') =>
    Array.from({ length: times }, () => counts.add(network, now)).at(-1);

  it('are of each network alone', () => {
    const counts = new WrongKeyCounts();
    expect([after(counts, 5, 0, 'a'), after(counts, 1, 0, 'b')]).toEqual([5, 1]);
  });

  it('forget one wrong key a minute', () => {
    const counts = new WrongKeyCounts();
    after(counts, 8, 0);
    expect(counts.add('a', MINUTE_MS - 1)).toBe(9);
    expect(counts.add('a', 3 * MINUTE_MS)).toBe(7);
    expect(counts.add('a', 60 * MINUTE_MS)).toBe(1);
  });

  it('forget also while wrong keys keep coming', () => {
    const counts = new WrongKeyCounts();
    const every50s = Array.from({ length: 100 }, (_, n) => counts.add('a', n * 50_000));
    expect(every50s.at(-1)).toBe(16);
    const every90s = Array.from({ length: 100 }, (_, n) => counts.add('b', n * 90_000));
    expect(Math.max(...every90s)).toBeLessThanOrEqual(2);
  });

  it('have an end: an attack of hours is forgotten within a quarter of an hour', () => {
    const counts = new WrongKeyCounts();
    expect(after(counts, 100_000, 0)).toBe(16);
    expect(counts.add('a', 16 * MINUTE_MS)).toBe(1);
  });

  it('survive a clock that is set back', () => {
    const counts = new WrongKeyCounts();
    after(counts, 4, 10 * MINUTE_MS);
    expect(counts.add('a', 0)).toBe(5);
    expect(counts.add('a', MINUTE_MS)).toBe(5);
  });

  it('are kept for a fixed number of networks, of which the quietest is forgotten', () => {
    const counts = new WrongKeyCounts();
    after(counts, 9, 0, 'busy');
    for (let n = 0; n < 10_000; n += 1) {
      counts.add(`network-${n}`, 0);
      if (n % 1_000 === 0) counts.add('busy', 0);
    }
    expect(counts.size).toBe(MAX_NETWORKS);
    expect(counts.add('busy', 0)).toBe(16);
    expect(counts.add('network-0', 0)).toBe(1);
  });
});
