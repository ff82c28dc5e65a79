import { expect, test } from 'vitest';
import { UsageLabels } from './usage-labels.ts';

test('a model and a client stand for themselves', () => {
  expect(new UsageLabels().of('a/b', 'ann')).toEqual({ model: 'a/b', client: 'ann' });
  expect(new UsageLabels().of(null, 'ann')).toEqual({ model: 'unknown', client: 'ann' });
});

test('the number of pairs is bounded, and every client keeps its name', () => {
  const labels = new UsageLabels();
  const pairs = new Set<string>();
  for (let client = 0; client < 100; client += 1) {
    for (let model = 0; model < 400; model += 1) {
      const label = labels.of(`a/${model}`, `client-${client}`);
      expect(label.client).toBe(`client-${client}`);
      pairs.add(JSON.stringify(label));
    }
  }
  expect(pairs.size).toBeLessThanOrEqual(2_000 + 100);
  expect(labels.of('a/0', 'client-0')).toEqual({ model: 'a/0', client: 'client-0' });
  expect(labels.of('a/0', 'client-99')).toEqual({ model: 'other', client: 'client-99' });
});
