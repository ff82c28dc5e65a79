import { expect, it } from 'vitest';
import { SeenBatches } from './seen-batches.ts';

it('knows a batch that comes again', () => {
  const seen = new SeenBatches();
  expect([seen.isNew('a'), seen.isNew('b'), seen.isNew('a')]).toEqual([true, true, false]);
});

it('remembers the last thousand batches', () => {
  const seen = new SeenBatches();
  for (let n = 0; n <= 1_000; n += 1) seen.isNew(`batch-${n}`);
  expect([seen.isNew('batch-1'), seen.isNew('batch-0')]).toEqual([false, true]);
});
