import * as z from 'zod';

/** A metric with all its samples, as Prometheus knows them (Prometheus docs, "Exposition formats"). */
export const metricFamily = z.strictObject({
  name: z.string(),
  help: z.string(),
  type: z.enum(['counter', 'gauge', 'histogram', 'summary']),
  values: z.array(
    z.strictObject({
      value: z.number(),
      labels: z.record(z.string(), z.union([z.string(), z.number()])),
      /** Where it is another than the family's: `…_bucket`, `…_sum`, `…_count`. */
      metricName: z.string().optional(),
    }),
  ),
});
export type MetricFamily = z.infer<typeof metricFamily>;

/** A metric as prom-client gives it. */
interface CollectedMetric {
  readonly name: string;
  readonly help: string;
  /** Declared as an enum, it is a word. */
  readonly type: unknown;
  readonly values: readonly {
    readonly value: number;
    readonly labels: object;
    readonly metricName?: string;
  }[];
}

/** Some of prom-client's own gauges have names that only counters may have (Prometheus docs, "Metric and label naming"). */
const isMisnamed = ({ name, type }: CollectedMetric) => type === 'gauge' && name.endsWith('_total');

const isNumber = ({ value }: { value: number }) => Number.isFinite(value);

/**
 * What a registry of prom-client has collected, as it travels. What is misnamed is left out, and so is
 * what is no number, which JSON cannot say: the mean of a loop's lags when there was none since the last look.
 */
export function metricFamilies(collected: readonly CollectedMetric[]): MetricFamily[] {
  return collected
    .filter((metric) => !isMisnamed(metric))
    .map(({ name, help, type, values }) => ({
      name,
      help,
      type: metricFamily.shape.type.parse(type),
      values: values.filter(isNumber).map(({ value, labels, metricName }) => ({
        value,
        labels: Object.fromEntries(
          Object.entries(labels).map(([label, of]) => [
            label,
            typeof of === 'number' ? of : String(of),
          ]),
        ),
        ...(metricName === undefined ? {} : { metricName }),
      })),
    }));
}
