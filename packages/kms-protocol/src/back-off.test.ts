import { expect, test } from 'vitest';
import { doublingBackOff, type BackOff } from './back-off.ts';

test('a back-off doubles until it has reached its maximum', () => {
  const delays: number[] = [];
  let backOff: BackOff = doublingBackOff(50, 1_000);
  for (let attempt = 0; attempt < 7; attempt += 1) {
    delays.push(backOff.delayMs);
    backOff = backOff.next();
  }
  expect(delays).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
});
