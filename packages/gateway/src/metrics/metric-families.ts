import { AggregatorRegistry, Registry, type RegistryContentType } from 'prom-client';
import type { MetricFamily } from '@openrouter-proxy/kms-protocol';

/** The text formats of Prometheus (Prometheus docs, "Exposition formats"; OpenMetrics 1.0). */
export const TEXT_FORMATS = {
  prometheus: Registry.PROMETHEUS_CONTENT_TYPE,
  openMetrics: Registry.OPENMETRICS_CONTENT_TYPE,
} as const;
export type TextFormat = keyof typeof TEXT_FORMATS;

/** Merges the metrics of several processes: samples of the same name and labels are added up. */
export function mergedFamilies(parts: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const byName = Map.groupBy(parts.flat(), ({ name }) => name);
  return [...byName.values()].flatMap((families) => {
    const [first] = families;
    return first === undefined
      ? []
      : [{ ...first, values: families.flatMap(({ values }) => values) }];
  });
}

/** The metrics as text for a scraper. */
export function metricText(families: readonly MetricFamily[], format: TextFormat): Promise<string> {
  // prom-client adds up by the aggregator: here everything, by name and labels.
  const summed = families.map((family) => ({
    ...family,
    name: familyName(family, format),
    aggregator: 'sum',
  }));
  const registry = AggregatorRegistry.aggregate<RegistryContentType>([summed]);
  registry.setContentType(TEXT_FORMATS[format]);
  return registry.metrics();
}

/** In OpenMetrics `_total` belongs to a counter's samples, not to its family; prom-client appends it. */
function familyName({ name, type }: MetricFamily, format: TextFormat): string {
  return format === 'openMetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
}
