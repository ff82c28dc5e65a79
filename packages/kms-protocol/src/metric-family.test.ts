import { expect, it } from 'vitest';
import { metricFamilies, metricFamily } from './metric-family.ts';

const lag = (...values: number[]) => ({
  name: 'lag_seconds',
  help: 'Lag.',
  type: 'gauge',
  values: values.map((value) => ({ value, labels: { component: 'kms' } })),
});

it.each([NaN, Infinity, -Infinity])('leaves out %d, which JSON cannot say', (value) => {
  const travelled: unknown = JSON.parse(JSON.stringify(metricFamilies([lag(value, 0.5)])));
  expect(metricFamily.array().parse(travelled)).toMatchObject([{ values: [{ value: 0.5 }] }]);
});
