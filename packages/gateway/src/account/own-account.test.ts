import { expect, it } from 'vitest';
import { periodsAt } from './own-account.ts';

const day = (text: string) => Date.parse(`${text}T00:00:00Z`);

it.each([
  ['a Saturday', '2026-11-28T17:00:00Z', '2026-11-28', '2026-11-23', '2026-11-01'],
  ['a Monday', '2026-11-30T00:00:00Z', '2026-11-30', '2026-11-30', '2026-11-01'],
  [
    'a Sunday at the start of a month',
    '2026-11-01T23:59:59Z',
    '2026-11-01',
    '2026-10-26',
    '2026-11-01',
  ],
])('the periods of %s begin at midnight UTC', (_what, now, today, week, month) => {
  const expected = { today: day(today), week: day(week), month: day(month) };
  expect(periodsAt(Date.parse(now))).toEqual(expected);
});
