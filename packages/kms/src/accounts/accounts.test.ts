import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allowances, accountName, currentWindows, windowsAt } from './accounts.ts';
import { poolOf } from '../limits/model-pool.ts';

const NOON = Date.UTC(2026, 9, 2, 12);
const ALLOWANCE = { minute: 20, day: 50 };

describe('the windows of a request', () => {
  it('are its minute and its UTC day', () => {
    expect(windowsAt('a', ALLOWANCE, NOON + 5_000)).toEqual([
      { id: 'a/minute', startsAt: NOON, endsAt: NOON + 60_000, limit: 20 },
      { id: 'a/day', startsAt: Date.UTC(2026, 9, 2), endsAt: Date.UTC(2026, 9, 3), limit: 50 },
    ]);
  });

  it('are the next ones too when it may land in them', () => {
    const midnight = Date.UTC(2026, 9, 3);
    const starts = (now: number) => windowsAt('a', ALLOWANCE, now).map(({ startsAt }) => startsAt);
    expect(starts(midnight - 2_001)).toHaveLength(2);
    expect(starts(midnight - 2_000)).toEqual([
      midnight - 60_000,
      midnight,
      Date.UTC(2026, 9, 2),
      midnight,
    ]);
  });

  it('cover every moment at which it may land', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4e12 }),
        fc.integer({ min: 0, max: 2_000 }),
        (now, late) => {
          const windows = windowsAt('a', ALLOWANCE, now);
          for (const kind of ['a/minute', 'a/day']) {
            const covering = windows.filter(
              ({ id, startsAt, endsAt }) =>
                id === kind && startsAt <= now + late && now + late < endsAt,
            );
            expect(covering).toHaveLength(1);
          }
        },
      ),
    );
  });

  it('are the present ones for who only looks', () => {
    const { minute, day } = currentWindows('a', ALLOWANCE, NOON + 59_999);
    expect([minute.startsAt, day.startsAt]).toEqual([NOON, Date.UTC(2026, 9, 2)]);
  });
});

describe('what an account is allowed', () => {
  it('is what was learnt, once', () => {
    const allowances = new Allowances({ minute: 20, day: null });
    expect(allowances.of('a')).toEqual({ minute: 20, day: null });
    expect(allowances.learn('a', 'day', 50)).toEqual({ day: 50 });
    expect(allowances.learn('a', 'day', 50)).toBeUndefined();
    expect(allowances.learn('a', 'minute', 8)).toEqual({ day: 50, minute: 8 });
    expect(allowances.of('a')).toEqual({ minute: 8, day: 50 });
    expect(allowances.of('b')).toEqual({ minute: 20, day: null });
  });

  it('is for a day what is configured, if anything is', () => {
    const allowances = new Allowances({ minute: 20, day: 30 }, [['a', { day: 1_000 }]]);
    expect(allowances.of('a').day).toBe(30);
  });
});

it('names an account without telling whose it is', () => {
  expect(accountName('user_1/w')).toMatch(/^acct-[0-9a-f]{8}$/);
  expect(accountName('user_1/w')).not.toBe(accountName('user_2/w'));
});

it.each([
  ['a/b:free', 'free'],
  ['openrouter/free', 'free'],
  ['a/b', 'paid'],
  ['a/b:free:nitro', 'paid'],
  [null, 'paid'],
])('%s is %s', (model, pool) => {
  expect(poolOf(model)).toBe(pool);
});
