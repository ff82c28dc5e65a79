import { useContext, useMemo } from 'preact/hooks';
import { formatDuration, formatMinute } from '../instant.ts';
import { formatCount } from '../number.ts';
import type { Snapshot } from '../snapshot.ts';
import { trafficCharts } from '../traffic-charts.ts';
import { trafficRows, type TrafficRow } from '../traffic-series.ts';
import { Chart } from './chart.tsx';
import { Clock } from './clock.tsx';
import { Panel } from './panel.tsx';
import { NumberCell, Table } from './table.tsx';

const ROW_MS = 300_000;

/** The charts of the last hour, and the same as a table. */
export function TrafficPanel({ snapshot }: { readonly snapshot: Snapshot }) {
  const { points, stepMs } = snapshot.traffic;
  const charts = useMemo(() => trafficCharts(points, stepMs, snapshot.now), [points]);
  const rows = useMemo(() => trafficRows(points, ROW_MS).toReversed(), [points]);
  return (
    <Panel id="traffic" title="Traffic" note="The last hour">
      <div class="charts">
        <Chart title="Requests" unit="per second" data={charts.requests} />
        <Chart title="Outcomes" unit="per second, stacked" data={charts.outcomes} />
        <Chart title="Tokens" unit="per second" data={charts.tokens} />
        <Chart title="Time to first content" unit="" data={charts.firstContent} />
      </div>
      <details>
        <summary>As a table, every five minutes</summary>
        <TrafficTable rows={rows} />
      </details>
    </Panel>
  );
}

const COLUMNS = [
  { title: 'From' },
  ...[
    'Answered',
    'Refused',
    'Failed',
    'Given up',
    'Tokens sent',
    'Tokens received',
    'First content, median',
    'First content, p95',
  ].map((title) => ({ title, numeric: true })),
];

function TrafficTable({ rows }: { readonly rows: readonly TrafficRow[] }) {
  const { zone } = useContext(Clock);
  const duration = (ms: number | null) => (ms === null ? '–' : formatDuration(ms));
  return (
    <Table label="Traffic of the last hour" columns={COLUMNS}>
      {rows.map((row) => (
        <tr key={row.at}>
          <th scope="row">{formatMinute(row.at, zone)}</th>
          <NumberCell>{formatCount(row.answered)}</NumberCell>
          <NumberCell>{formatCount(row.refused)}</NumberCell>
          <NumberCell>{formatCount(row.failed)}</NumberCell>
          <NumberCell>{formatCount(row.aborted)}</NumberCell>
          <NumberCell>{formatCount(row.sent)}</NumberCell>
          <NumberCell>{formatCount(row.received)}</NumberCell>
          <NumberCell>{duration(row.firstContentP50Ms)}</NumberCell>
          <NumberCell>{duration(row.firstContentP95Ms)}</NumberCell>
        </tr>
      ))}
    </Table>
  );
}
