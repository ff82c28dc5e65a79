import { describe, expect, it } from 'vitest';
import { knownMetrics } from './known-metrics.ts';

describe('the metrics known from an exposition', () => {
  it('are the names of its samples, with labels or without', () => {
    const text = 'up 1\nrequests_total{code="200",path="a } b\\" c"} 3 1700000000000\n';
    expect(knownMetrics(text)).toEqual(new Set(['up', 'requests_total']));
  });

  it('are those of a histogram, also of one that has no samples yet', () => {
    const text = '# HELP wait_seconds Time.\n# TYPE wait_seconds histogram\n';
    const names = ['wait_seconds_bucket', 'wait_seconds_sum', 'wait_seconds_count'];
    expect(knownMetrics(text)).toEqual(new Set(names));
  });

  it('are those of a summary: quantiles under its own name', () => {
    const names = new Set(['pause_seconds', 'pause_seconds_sum', 'pause_seconds_count']);
    expect(knownMetrics('# TYPE pause_seconds summary')).toEqual(names);
  });

  it('are those of a counter and a gauge that have no samples yet', () => {
    const text = '# TYPE requests_total counter\n# TYPE keys gauge';
    expect(knownMetrics(text)).toEqual(new Set(['requests_total', 'keys']));
  });

  it('are none in comments and empty lines', () => {
    expect(knownMetrics('# requests_total 1\n\n# HELP requests_total Requests.\n')).toEqual(
      new Set(),
    );
  });

  it.each(['<html>', 'requests_total', '1requests_total 2'])(
    'cannot be taken from what is no exposition: %s',
    (line) => {
      expect(() => knownMetrics(`up 1\n${line}\n`)).toThrow(line);
    },
  );
});
