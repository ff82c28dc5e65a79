import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_POLICY,
  NO_CRASHES,
  afterEnd,
  type NextStep,
  type RestartPolicy,
} from './restart-policy.ts';

/** What the policy says to a whole life: each number is how long, in seconds, a run lasted. */
function decisions(runs: readonly number[], policy: RestartPolicy = DEFAULT_POLICY): NextStep[] {
  const steps: NextStep[] = [];
  let now = 1_000_000;
  let history = NO_CRASHES;
  for (const seconds of runs) {
    now += seconds * 1000;
    const step = afterEnd(history, { upMs: seconds * 1000, now, wasKilled: false }, policy);
    steps.push(step);
    if (step.kind === 'give-up') break;
    now += step.delayMs;
    history = step.history;
  }
  return steps;
}

const summary = (runs: readonly number[]) =>
  decisions(runs).map((step) => (step.kind === 'restart' ? step.delayMs / 1000 : 'give up'));

describe('the restart policy', () => {
  it.each([
    { life: 'a first crash', runs: [5], says: [0.5] },
    { life: 'one that cannot run', runs: [0, 0, 0, 0, 0], says: [0.5, 1, 2, 4, 'give up'] },
    {
      life: 'one that lasts a while each time',
      runs: [20, 20, 20, 20, 20, 20, 20, 20],
      says: [0.5, 1, 2, 4, 8, 16, 30, 30],
    },
    { life: 'one with a quiet minute', runs: [0, 0, 60, 0, 0], says: [0.5, 1, 0.5, 1, 2] },
    { life: 'one that was quiet for almost a minute', runs: [0, 0, 59, 59], says: [0.5, 1, 2, 4] },
    {
      life: 'one that dies every minute',
      runs: [61, 61, 61, 61, 61, 61],
      says: Array(6).fill(0.5),
    },
  ])('answers $life', ({ runs, says }) => {
    expect(summary(runs)).toEqual(says);
  });

  it('counts a SIGKILL as a crash only after a short run', () => {
    const killed = (upMs: number) =>
      afterEnd(NO_CRASHES, { upMs, now: 1_000_000, wasKilled: true }, DEFAULT_POLICY);
    expect(killed(3_000)).toEqual({ kind: 'restart', delayMs: 500, history: NO_CRASHES });
    expect(killed(2_999)).toMatchObject({ history: { streak: 1 } });
  });

  const lives = fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { maxLength: 60 });

  it('never waits less than its first delay nor longer than its longest', () => {
    fc.assert(
      fc.property(lives, (runs) => {
        for (const step of decisions(runs)) {
          if (step.kind === 'give-up') continue;
          expect(step.delayMs).toBeGreaterThanOrEqual(DEFAULT_POLICY.firstDelayMs);
          expect(step.delayMs).toBeLessThanOrEqual(DEFAULT_POLICY.longestDelayMs);
        }
      }),
    );
  });

  it('never gives up a program whose runs are quiet', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 60, max: 1e6, noNaN: true })), (runs) => {
        expect(decisions(runs).map((step) => step.kind)).not.toContain('give-up');
      }),
    );
  });

  it('gives up any program that ends often enough within its time', () => {
    const quickly = fc.double({ min: 0, max: 10, noNaN: true });
    fc.assert(
      fc.property(lives, fc.array(quickly, { minLength: 5, maxLength: 5 }), (life, last) => {
        const steps = decisions([...life, ...last.map((seconds) => seconds / 1000)], {
          ...DEFAULT_POLICY,
          longestDelayMs: 10_000,
        });
        expect(steps.at(-1)?.kind).toBe('give-up');
      }),
    );
  });

  it('keeps only the ends within the window', () => {
    fc.assert(
      fc.property(lives, (runs) => {
        for (const step of decisions(runs)) {
          if (step.kind === 'restart') expect(step.history.ends.length).toBeLessThan(5);
        }
      }),
    );
  });
});
