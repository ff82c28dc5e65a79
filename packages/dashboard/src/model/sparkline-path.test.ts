import { describe, expect, it } from 'vitest';
import { sparklinePath } from './sparkline-path.ts';

const frame = { width: 100, height: 40, top: 4 };

describe('sketches', () => {
  it('go from the left to the right, the largest value at the top', () => {
    expect(sparklinePath([0, 4, 2], frame)).toBe('M0.0 40.0L50.0 0.0L100.0 20.0');
  });

  it('leave a gap where there is no value', () => {
    expect(sparklinePath([1, null, 1], frame)).toBe('M0.0 30.0M100.0 30.0');
  });

  it('lie on the ground where nothing happened', () => {
    expect(sparklinePath([0, 0], { ...frame, top: 0 })).toBe('M0.0 40.0L100.0 40.0');
  });

  it('have a bounded number of points, none of which hides a peak', () => {
    const values = Array<number>(1_000).fill(0);
    values[501] = 4;
    const path = sparklinePath(values, frame);
    expect(path.split(/[ML]/).length).toBeLessThanOrEqual(61);
    expect(path).toContain(' 0.0');
  });

  it('are empty without values', () => {
    expect(sparklinePath([], frame)).toBe('');
  });
});
