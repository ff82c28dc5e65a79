import type { TrafficPoint } from '@openrouter-proxy/kms-protocol';
import { describe, expect, it } from 'vitest';
import {
  lastHour,
  perSecond,
  requestsOf,
  stacked,
  trafficRows,
  trafficTotals,
} from './traffic-series.ts';

const HOUR = 3_600_000;

function point(at: number, changed: Partial<TrafficPoint> = {}): TrafficPoint {
  const nothing = {
    answered: 0,
    refused: 0,
    failed: 0,
    aborted: 0,
    unauthorized: 0,
    sent: 0,
    received: 0,
  };
  return { at, ...nothing, firstContentP50Ms: null, firstContentP95Ms: null, ...changed };
}

describe('the last hour', () => {
  it('fills steps of which nothing is told, so that silence is drawn as zero', () => {
    const now = 10 * HOUR;
    const hour = lastHour([point(now - 60_000, { answered: 3 })], 60_000, now);
    expect(hour).toHaveLength(60);
    expect(hour.map(({ answered }) => answered)).toEqual([...Array<number>(59).fill(0), 3]);
    expect(hour[0]?.at).toBe(now - HOUR);
  });

  it('leaves out the step that is still counted, and what is older', () => {
    const now = 10 * HOUR + 30_000;
    const points = [point(8 * HOUR, { answered: 1 }), point(10 * HOUR, { answered: 1 })];
    expect(trafficTotals(lastHour(points, 60_000, now)).answered).toBe(0);
  });
});

describe('traffic put together', () => {
  it('counts every ending as a request', () => {
    expect(requestsOf(point(0, { answered: 1, refused: 2, failed: 3, aborted: 4 }))).toBe(10);
  });

  it('turns counts into rates', () => {
    expect(perSecond([30, 0], 15_000)).toEqual([2, 0]);
  });

  it('makes rows with the median of medians and the worst 95th percentile', () => {
    const rows = trafficRows(
      [
        point(0, { answered: 1, firstContentP50Ms: 100, firstContentP95Ms: 900 }),
        point(50, { answered: 2, firstContentP50Ms: 300, firstContentP95Ms: 400 }),
        point(60, { answered: 4, firstContentP50Ms: 200, firstContentP95Ms: 500 }),
        point(100, { answered: 8 }),
      ],
      100,
    );
    expect(rows).toMatchObject([
      { at: 0, answered: 7, firstContentP50Ms: 200, firstContentP95Ms: 900 },
      { at: 100, answered: 8, firstContentP50Ms: null, firstContentP95Ms: null },
    ]);
  });

  it('lays lines on top of each other', () => {
    const lines = [
      { label: 'a', tone: 'a', values: [1, 2] },
      { label: 'b', tone: 'b', values: [10, null] },
    ];
    expect(stacked(lines).map(({ values }) => values)).toEqual([
      [1, 2],
      [11, 2],
    ]);
  });
});
