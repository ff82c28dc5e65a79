import { expect, test } from 'vitest';
import { chargeMark, unexplained } from './spending.ts';

const counted = (cost: number, unknown = 0) => ({ cost, unknown });
const MARK = { day: '2026-11-23', charged: 0, cost: 0, unknown: 0 };

test('what was charged before anybody watched is not held against the key', () => {
  const mark = chargeMark(undefined, MARK.day, 7, counted(2));
  expect(unexplained(mark, 7, counted(2))).toBeNull();
  expect(unexplained(mark, 9, counted(4))).toBeNull();
  expect(unexplained(mark, 9, counted(2))).toBe(2);
});

test('on a new day nothing has been charged and nothing counted', () => {
  const mark = chargeMark({ ...MARK, charged: 5, cost: 5 }, '2026-11-24', 3, counted(1));
  expect(mark).toEqual({ ...MARK, day: '2026-11-24' });
  expect(unexplained(mark, 3, counted(1))).toBe(2);
});

test('on the same day the mark stays', () => {
  expect(chargeMark(MARK, MARK.day, 3, counted(1))).toBe(MARK);
});

test.each([
  ['a cent is nothing', 0.01, counted(0), null],
  ['two are', 0.02, counted(0), 0.02],
  ['a twentieth of what was spent here is nothing', 1.05, counted(1), null],
  ['more is', 1.2, counted(1), 0.2],
  ['each answer that did not say what it cost excuses five cents', 1.1, counted(1, 1), null],
  ['and no more', 1.2, counted(1, 1), 0.2],
  ['OpenRouter may be behind', 0.5, counted(1), null],
])('%s', (_what, charged, here, expected) => {
  const found = unexplained(MARK, charged, here);
  if (expected === null) expect(found).toBeNull();
  else expect(found).toBeCloseTo(expected, 9);
});
