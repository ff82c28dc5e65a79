import { z } from 'zod';

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

/** What a registry of prom-client has collected, as it travels; what is misnamed is left out. */
export function metricFamilies(collected: readonly CollectedMetric[]): MetricFamily[] {
  return collected
    .filter((metric) => !isMisnamed(metric))
    .map(({ name, help, type, values }) => ({
      name,
      help,
      type: metricFamily.shape.type.parse(type),
      values: values.map(({ value, labels, metricName }) => ({
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
