import type { TrafficPoint } from '@openrouter-proxy/kms-protocol';
import { describe, expect, it } from 'vitest';
import { drawnSteps, perMinute, requestsOf, stacked, trafficTotals } from './traffic-series.ts';

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

describe('the steps that are drawn', () => {
  const STEP = 60_000;
  const points = [point(10 * HOUR, { answered: 6 }), point(10 * HOUR + STEP, { answered: 3 })];
  const traffic = { since: 9 * HOUR, stepMs: STEP, points };

  it('begin with a quiet one where traffic began within the range', () => {
    const steps = drawnSteps(traffic, 10 * HOUR + 2 * STEP);
    expect(steps.map(({ point: { at, answered } }) => [at - 10 * HOUR, answered])).toEqual([
      [-STEP, 0],
      [0, 6],
      [STEP, 3],
    ]);
    expect(drawnSteps({ ...traffic, since: 10 * HOUR }, 11 * HOUR)).toHaveLength(2);
  });

  it('leave the running one out until it has lasted a minute or a quarter of its length', () => {
    const at = (ms: number) => drawnSteps(traffic, 10 * HOUR + STEP + ms);
    expect(perMinute(at(50_000), ({ answered }) => answered)).toEqual([0, 6]);
    expect(perMinute(at(STEP), ({ answered }) => answered)).toEqual([0, 6, 3]);
    const long = {
      since: 0,
      stepMs: 10 * STEP,
      points: [point(HOUR), point(HOUR + 10 * STEP, { answered: 6 })],
    };
    const answered = (ms: number) =>
      perMinute(drawnSteps(long, HOUR + 10 * STEP + ms), (of) => of.answered);
    expect(answered(2 * STEP)).toEqual([0, 0]);
    expect(answered(3 * STEP)).toEqual([0, 0, 2]);
  });

  it('draw one request in ten seconds as one per minute, for a minute', () => {
    const stepMs = 10_000;
    const points = [1, 0, 0, 0, 0, 0, 0].map((answered, n) =>
      point(HOUR + n * stepMs, { answered }),
    );
    const rates = (since: number) =>
      perMinute(drawnSteps({ since, stepMs, points }, 2 * HOUR), ({ answered }) => answered);
    expect(rates(0)).toEqual([0, 1, 1, 1, 1, 1, 1, 0]);
    expect(rates(HOUR)).toEqual([1, 0]); // the minutes of the first steps begin before the range
  });

  it('are none without traffic', () => {
    expect(drawnSteps({ ...traffic, points: [] }, 11 * HOUR)).toEqual([]);
  });
});

describe('traffic put together', () => {
  it('counts every ending as a request', () => {
    expect(requestsOf(point(0, { answered: 1, refused: 2, failed: 3, aborted: 4 }))).toBe(10);
  });

  it('adds steps up', () => {
    const points = [point(0, { answered: 1, sent: 5 }), point(1, { answered: 2, failed: 1 })];
    expect(trafficTotals(points)).toMatchObject({ answered: 3, failed: 1, sent: 5, received: 0 });
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
