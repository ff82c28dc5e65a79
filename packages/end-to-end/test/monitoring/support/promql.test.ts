import { describe, expect, it } from 'vitest';
import { metricsOf } from './promql.ts';

describe('the metrics of a query', () => {
  it('are what it selects, not its functions, labels and values', () => {
    const query = `sum by (code, le) (rate(a_total{job="b_total"}[5m] offset 1h)) / on (code) c > 1
      and max_over_time(d[1h:5m]) or vector(time())`;
    expect(metricsOf(query)).toEqual(new Set(['a_total', 'c', 'd']));
  });

  it('are not those of a comment', () => {
    expect(metricsOf('a # b\n')).toEqual(new Set(['a']));
  });

  it.each(['sum(a', 'a{b=c}', 'rate(a[5x])', ''])(
    'cannot be told of what is no PromQL: %s',
    (q) => {
      expect(() => metricsOf(q)).toThrow('Not PromQL');
    },
  );

  it('cannot be told of a selector by labels only', () => {
    expect(() => metricsOf('{job="a"}')).toThrow('without a name');
  });
});
