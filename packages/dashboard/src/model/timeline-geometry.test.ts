import type { KeySpan } from '@openrouter-proxy/kms-protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timelineAxis, timelinePieces, timelineTicks, timeByKind } from './timeline-geometry.ts';

const HOUR = 3_600_000;
const axis = { from: 1_000, to: 2_000 };

function span(from: number, to: number | null, kind: KeySpan['kind'] = 'serving'): KeySpan {
  return { kind, from, to, why: '' };
}

describe('lanes', () => {
  it('places spans by their part of the axis', () => {
    const [first, second] = timelinePieces([span(1_000, 1_500), span(1_500, null)], axis);
    expect(first).toMatchObject({ x: 0, width: 50 });
    expect(second).toMatchObject({ x: 50, width: 50 });
  });

  it('cuts off what is outside', () => {
    const pieces = timelinePieces([span(0, 900), span(900, 1_100), span(2_000, null)], axis);
    expect(pieces).toMatchObject([{ x: 0, width: 10 }]);
  });

  it('keeps the shortest span visible, at the very end too', () => {
    expect(timelinePieces([span(1_999, 2_000)], axis)).toMatchObject([{ x: 99.75, width: 0.25 }]);
  });

  it('draws nothing on an axis without length', () => {
    expect(timelinePieces([span(0, null)], { from: 5, to: 5 })).toEqual([]);
  });

  it('never draws outside of the lane', () => {
    const at = fc.integer({ min: 0, max: 3_000 });
    fc.assert(
      fc.property(fc.array(fc.tuple(at, fc.option(at))), (ends) => {
        const spans = ends.map(([from, to]) => span(from, to));
        for (const { x, width } of timelinePieces(spans, axis)) {
          expect(x).toBeGreaterThanOrEqual(0);
          expect(width).toBeGreaterThan(0);
          expect(x + width).toBeLessThanOrEqual(100.000001);
        }
      }),
    );
  });

  it('shares one axis, which begins with the oldest span', () => {
    const now = 100 * HOUR;
    const lanes = [{ spans: [span(now - 1.5 * HOUR, null)] }, { spans: [span(now - HOUR, null)] }];
    expect(timelineAxis(lanes, now)).toEqual({ from: now - 1.5 * HOUR, to: now });
  });

  it('shows two minutes at least and a day at most', () => {
    const now = 100 * HOUR;
    expect(timelineAxis([], now).from).toBe(now - 120_000);
    expect(timelineAxis([{ spans: [span(0, null)] }], now).from).toBe(now - 24 * HOUR);
  });

  it.each([5, 20, 60, 120, 360, 1440])(
    'marks round times on %d minutes, and leaves the end free',
    (minutes) => {
      const to = 100.25 * HOUR;
      const ticks = timelineTicks({ from: to - minutes * 60_000, to });
      expect(ticks.length).toBeGreaterThan(1);
      expect(ticks.length).toBeLessThanOrEqual(5);
      for (const { at, x } of ticks) {
        expect(at % 60_000).toBe(0);
        expect(x).toBeLessThan(90);
      }
    },
  );

  it('adds up the time of each kind within the axis', () => {
    const spans = [span(0, 1_200), span(1_200, 1_300, 'cooling'), span(1_300, null)];
    expect([...timeByKind(spans, axis)]).toEqual([
      ['serving', 900],
      ['cooling', 100],
    ]);
  });
});
