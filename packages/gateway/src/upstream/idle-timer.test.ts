import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { IdleTimer } from './idle-timer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function watch(longestMs: number) {
  let silences = 0;
  const watching = new IdleTimer(longestMs, () => (silences += 1));
  return { watching, silences: () => silences };
}

it('tells once of a silence that lasts too long', () => {
  const { silences } = watch(100);
  vi.advanceTimersByTime(99);
  expect(silences()).toBe(0);
  vi.advanceTimersByTime(1);
  expect(silences()).toBe(1);
  vi.advanceTimersByTime(1_000);
  expect(silences()).toBe(1);
});

it('counts from the last sign of life', () => {
  const { watching, silences } = watch(100);
  for (let n = 0; n < 20; n += 1) {
    vi.advanceTimersByTime(30);
    watching.heard();
  }
  vi.advanceTimersByTime(99);
  expect(silences()).toBe(0);
  vi.advanceTimersByTime(1);
  expect(silences()).toBe(1);
});

it('tells nothing once it is ended', () => {
  const { watching, silences } = watch(100);
  vi.advanceTimersByTime(50);
  watching.heard();
  vi.advanceTimersByTime(60);
  watching.stop();
  vi.advanceTimersByTime(1_000);
  expect(silences()).toBe(0);
});
