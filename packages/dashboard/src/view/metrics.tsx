import type { MetricFamily } from '@openrouter-proxy/kms-protocol';
import { Panel } from './panel.tsx';
import { NumberCell, Table } from './table.tsx';

/** Every Prometheus metric as it is scraped. */
export function MetricsPanel({ metrics }: { readonly metrics: readonly MetricFamily[] }) {
  return (
    <Panel id="metrics" title="Metrics" note={<a href="/metrics/raw">As Prometheus reads them</a>}>
      {metrics.length === 0 ? (
        <p class="empty">None.</p>
      ) : (
        <details>
          <summary>All {metrics.length} metrics</summary>
          <Table label="All metrics" columns={COLUMNS}>
            {metrics.map((family) => (
              <FamilyRows key={family.name} family={family} />
            ))}
          </Table>
        </details>
      )}
    </Panel>
  );
}

const COLUMNS = [
  { title: 'Name' },
  { title: 'Labels' },
  { title: 'Value', numeric: true },
  { title: 'What it is' },
];

const labelsInWords = (labels: MetricFamily['values'][number]['labels']) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

function FamilyRows({ family }: { readonly family: MetricFamily }) {
  return (
    <>
      {family.values.map(({ value, labels, metricName }, index) => (
        <tr key={`${metricName ?? ''} ${labelsInWords(labels)}`}>
          <th scope="row">
            <code>{metricName ?? family.name}</code>
          </th>
          <td class="labels">{labelsInWords(labels)}</td>
          <NumberCell>{String(value)}</NumberCell>
          <td class="wide muted">{index === 0 ? `${family.help} (${family.type})` : ''}</td>
        </tr>
      ))}
    </>
  );
}
