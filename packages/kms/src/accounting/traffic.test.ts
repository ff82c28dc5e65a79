import type { RequestSummary } from '@openrouter-proxy/kms-protocol';
import { expect, test } from 'vitest';
import { Traffic } from './traffic.ts';

const T = Date.UTC(2026, 10, 23, 12);
const END: RequestSummary = {
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

test('steps without traffic are there too, from the first with traffic to the running one', () => {
  const traffic = new Traffic(() => 0);
  traffic.add(END, T);
  traffic.add(END, T + 30_000);
  const { stepMs, points } = traffic.query(T - 600_000, T + 45_000);
  expect(stepMs).toBe(10_000);
  expect(points.map(({ at }) => (at - T) / stepMs)).toEqual([0, 1, 2, 3, 4]);
  expect(points.map(({ answered }) => answered)).toEqual([1, 0, 0, 1, 0]);
});

test('without traffic there are no points', () => {
  expect(new Traffic(() => 0).query(0, T).points).toEqual([]);
});

test('the last hour is remembered in steps of ten seconds, the last day in steps of five minutes', () => {
  const traffic = new Traffic(() => 0);
  const end = T + 2 * 86_400_000;
  for (let at = T; at < end; at += 10_000) traffic.add(END, at);
  const now = end - 1;
  const hour = traffic.query(now - 3_590_000, now);
  expect(hour.stepMs).toBe(10_000);
  expect(hour.points).toHaveLength(360);
  const day = traffic.query(0, now);
  expect(day.stepMs).toBe(300_000);
  expect(day.points).toHaveLength(288);
  expect(day.points.every(({ answered }) => answered === 30)).toBe(true);
});

test('steps are as long as it takes to have no more points than asked for', () => {
  const traffic = new Traffic(() => 0);
  for (let at = T; at < T + 86_400_000; at += 10_000) traffic.add(END, at);
  const now = T + 86_400_000 - 1;
  const of = (sinceMs: number, maxPoints: number) => {
    const { stepMs, points } = traffic.query(now - sinceMs, now, maxPoints);
    const counts = points.map(({ answered }) => answered);
    expect(counts.length).toBeLessThanOrEqual(maxPoints);
    expect(new Set(counts)).toEqual(new Set([stepMs / 10_000]));
    return { seconds: stepMs / 1_000, points: counts.length };
  };
  expect(of(899_999, 60)).toEqual({ seconds: 20, points: 45 });
  expect(of(3_590_000, 60)).toEqual({ seconds: 60, points: 60 });
  expect(of(21_599_999, 72)).toEqual({ seconds: 300, points: 72 });
  expect(of(86_399_999, 72)).toEqual({ seconds: 1_200, points: 72 });
});

test('a percentile over several steps counts each step by its requests, not by its samples', () => {
  const traffic = new Traffic(Math.random);
  for (let n = 0; n < 4_000; n += 1) traffic.add({ ...END, firstContentMs: 100 }, T);
  for (let n = 0; n < 200; n += 1) traffic.add({ ...END, firstContentMs: 900 }, T + 10_000);
  const [point] = traffic.query(T, T + 10_000, 1).points;
  expect(point).toMatchObject({ firstContentP50Ms: 100, firstContentP95Ms: 100 });
});

test('half of the first contents came sooner than the median, and nearly all than the 95th percentile', () => {
  const traffic = new Traffic(Math.random);
  for (let ms = 1; ms <= 100; ms += 1) traffic.add({ ...END, firstContentMs: ms }, T);
  const [point] = traffic.query(T, T).points;
  expect(point).toMatchObject({ firstContentP50Ms: 50, firstContentP95Ms: 95 });
});

test('percentiles of short steps are those of the minute before', () => {
  const traffic = new Traffic(() => 0);
  traffic.add({ ...END, firstContentMs: 900 }, T);
  for (let n = 1; n <= 40; n += 1) traffic.add({ ...END, firstContentMs: 100 }, T + 10_000);
  const p95 = (at: number) =>
    traffic.query(T, T + 90_000).points.find((point) => point.at === T + at)?.firstContentP95Ms;
  expect([p95(0), p95(10_000), p95(50_000), p95(60_000), p95(70_000)]).toEqual([
    ...[900, 100, 100, 100, null],
  ]);
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

test('a limit of a model is told apart from one of every key', () => {
  const traffic = new Traffic(() => 0);
  traffic.add({ ...END, status: 429, failure: 'model_limited' }, T);
  traffic.add({ ...END, status: 429, failure: 'keys_limited' }, T);
  traffic.add({ ...END, status: 429 }, T);
  traffic.add({ ...END, status: 403, failure: 'keys_limited' }, T);
  traffic.add({ ...END, status: 403, failure: 'paid_model' }, T);
  expect(traffic.recent(60_000, T)).toMatchObject({ failed: 4, modelLimited: 2, refused: 1 });
});
