import { expect, it } from 'vitest';
import { BatchedCounters } from './batched-counters.ts';

it('counts the others where one observation cannot be counted', () => {
  const errors: unknown[] = [];
  const later = new BatchedCounters((error) => errors.push(error));
  let counted = 0;
  later.add(() => (counted += 1));
  later.add(() => {
    throw new Error('no number');
  });
  later.add(() => (counted += 1));
  later.countAll();
  expect(counted).toBe(2);
  expect(errors).toEqual([new Error('no number')]);
});
