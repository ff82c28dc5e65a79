import type { RequestEnd } from '@openrouter-proxy/kms-protocol';
import { expect, test } from 'vitest';
import { Traffic } from './traffic.ts';

const T = Date.UTC(2026, 10, 23, 12);
const END: RequestEnd = {
  requestId: 'r',
  at: T,
  client: 'c',
  api: 'chat',
  model: 'm',
  status: 200,
  verdict: 'complete',
  attempts: 1,
  failure: null,
  generationId: null,
  queuedMs: 0,
  leasedMs: 0,
  firstContentMs: null,
  totalMs: 1,
  usage: null,
};

test.each([
  ['answered', {}],
  ['refused', { status: 429 }],
  ['failed', { status: 503 }],
  ['failed', { verdict: 'truncated' }],
  ['failed', { status: null, verdict: 'error' }],
  ['aborted', { status: null, verdict: 'client_abort' }],
] as const)('a request counts as %s: %o', (name, changes) => {
  const traffic = new Traffic(() => 0);
  traffic.add({ ...END, ...changes }, T);
  const [point] = traffic.query(T, T).points;
  const { answered, refused, failed, aborted } = point ?? {};
  const none = { answered: 0, refused: 0, failed: 0, aborted: 0 };
  expect({ answered, refused, failed, aborted }).toEqual({ ...none, [name]: 1 });
});

test('steps without traffic are there too, from what was asked for to now', () => {
  const traffic = new Traffic(() => 0);
  traffic.add(END, T);
  traffic.add(END, T + 30_000);
  const { stepMs, points } = traffic.query(T - 10_000, T + 35_000);
  expect(points.map(({ at }) => (at - T) / stepMs)).toEqual([-1, 0, 1, 2, 3]);
  expect(points.map(({ answered }) => answered)).toEqual([0, 1, 0, 0, 1]);
});

test('an hour is remembered, and no more asked for than that', () => {
  const traffic = new Traffic(() => 0);
  for (let n = 0; n < 1_000; n += 1) traffic.add(END, T + n * 10_000);
  const { points } = traffic.query(0, T + 9_990_000);
  expect(points).toHaveLength(360);
  expect(points.every(({ answered }) => answered === 1)).toBe(true);
});

test('half of the first contents came sooner than the median, and nearly all than the 95th percentile', () => {
  const traffic = new Traffic(Math.random);
  for (let ms = 1; ms <= 100; ms += 1) traffic.add({ ...END, firstContentMs: ms }, T);
  const [point] = traffic.query(T, T).points;
  expect(point).toMatchObject({ firstContentP50Ms: 50, firstContentP95Ms: 95 });
});

test('of many requests an even share tells the percentiles', () => {
  const traffic = new Traffic(Math.random);
  for (let n = 0; n < 20_000; n += 1) traffic.add({ ...END, firstContentMs: n % 1_000 }, T);
  const p50 = traffic.query(T, T).points[0]?.firstContentP50Ms ?? NaN;
  expect(p50).toBeGreaterThan(300);
  expect(p50).toBeLessThan(700);
});

test('after the clock was set back, what was counted in the future is forgotten', () => {
  const traffic = new Traffic(() => 0);
  traffic.add(END, T + 60_000);
  traffic.add(END, T);
  expect(traffic.query(T, T + 60_000).points.map(({ answered }) => answered)).toEqual([
    1, 0, 0, 0, 0, 0, 0,
  ]);
});
