import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CheckSchedule } from './check-schedule.ts';

const T = Date.UTC(2026, 9, 2);
const HOUR = 3_600_000;

it('asks about every key at the start', () => {
  const schedule = new CheckSchedule(['a', 'b', 'c', 'd'], T, () => 0.5);
  expect([1, 2, 3, 4, 5].map(() => schedule.take(T))).toEqual(['a', 'b', 'c', 'd', undefined]);
});

it('repeats a check when it is told to, also within a minute', () => {
  const schedule = new CheckSchedule(['a'], T, () => 0.5);
  schedule.take(T);
  schedule.repeat('a', T + 1_000);
  expect(schedule.take(T + 999)).toBeUndefined();
  expect(schedule.take(T + 1_000)).toBe('a');
});

it('asks again every hour, give or take a tenth', () => {
  for (const [random, tenths] of [
    [0, 9],
    [0.5, 10],
    [1, 11],
  ] as const) {
    const schedule = new CheckSchedule(['a'], T, () => random);
    schedule.take(T);
    expect(schedule.nextAt()).toBe(T + (HOUR * tenths) / 10);
  }
});

it('asks sooner when somebody wants to know, but not twice within a minute', () => {
  const schedule = new CheckSchedule(['a'], T, () => 0.5);
  schedule.take(T);
  schedule.request('a', T + 1_000);
  expect(schedule.nextAt()).toBe(T + 60_000);
  schedule.request('a', T + 90_000);
  expect(schedule.nextAt()).toBe(T + 60_000);
  expect(schedule.mayCheck('a', T + 59_999, 60_000)).toBe(false);
  expect(schedule.mayCheck('a', T + 60_000, 60_000)).toBe(true);
});

it('knows nothing of keys it was not told of', () => {
  const schedule = new CheckSchedule([], T, () => 0.5);
  schedule.request('x', T);
  expect([schedule.take(T), schedule.nextAt(), schedule.mayCheck('x', T, 60_000)]).toEqual([
    undefined,
    Infinity,
    false,
  ]);
});

it('never asks about a key twice within a minute, whatever is wanted when', () => {
  const steps = fc.array(
    fc.record({ key: fc.constantFrom('a', 'b'), wait: fc.nat(50_000), want: fc.boolean() }),
    { maxLength: 100 },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const schedule = new CheckSchedule(['a', 'b'], T, () => 0.5);
      const asked = new Map<string, number>();
      let now = T;
      for (const { key, wait, want } of list) {
        now += wait;
        if (want) schedule.request(key, now);
        const taken = schedule.take(now);
        if (taken === undefined) continue;
        expect(now - (asked.get(taken) ?? -Infinity)).toBeGreaterThanOrEqual(60_000);
        asked.set(taken, now);
      }
    }),
  );
});

it('asks at once about a key that was asked about in the future, before the clock was set back', () => {
  const schedule = new CheckSchedule(['a'], T + 5 * HOUR, () => 0.5);
  schedule.take(T + 5 * HOUR);
  expect(schedule.take(T)).toBe('a');
  expect(schedule.take(T)).toBeUndefined();
});
