import type { MetricFamily } from '@openrouter-proxy/kms-protocol';
import { Panel } from './elements/panel.tsx';
import { Table, type Row } from './elements/table.tsx';

/** Every Prometheus metric as it is scraped. */
export function MetricsPanel({ metrics }: { readonly metrics: readonly MetricFamily[] }) {
  return (
    <Panel id="metrics" title="Metrics" note={<a href="/metrics/raw">As Prometheus reads them</a>}>
      {metrics.length === 0 ? (
        <p class="empty">None.</p>
      ) : (
        <details>
          <summary>All {metrics.length} metrics</summary>
          <Table label="All metrics" columns={COLUMNS} rows={metrics.flatMap(familyRows)} />
        </details>
      )}
    </Panel>
  );
}

const COLUMNS = [
  { title: 'Name' },
  { title: 'Labels', class: 'labels' },
  { title: 'Value', numeric: true },
  { title: 'Meaning', class: 'wide muted' },
];

const labelsInWords = (labels: MetricFamily['values'][number]['labels']) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

const familyRows = (family: MetricFamily): Row[] =>
  family.values.map(({ value, labels, metricName }, index) => ({
    id: `${metricName ?? family.name} ${labelsInWords(labels)}`,
    cells: [
      <code>{metricName ?? family.name}</code>,
      labelsInWords(labels),
      String(value),
      index === 0 ? `${family.help} (${family.type})` : '',
    ],
  }));
