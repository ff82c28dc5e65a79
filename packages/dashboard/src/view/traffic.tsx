import { MINUTE_MS } from '@openrouter-proxy/runtime/time';
import { useContext, useMemo } from 'preact/hooks';
import {
  formatDuration,
  formatInstant,
  formatMinute,
  formatSecond,
  formatSpan,
} from '../model/instant.ts';
import { formatCount } from '../model/number.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { trafficCharts } from '../model/traffic-charts.ts';
import { RANGES, viewAddress, type RangeName } from '../model/view-query.ts';
import { Chart } from './elements/chart.tsx';
import { Clock } from './elements/clock.tsx';
import { Panel } from './elements/panel.tsx';
import { Table } from './elements/table.tsx';
import { View } from './elements/view-context.tsx';

/** The ranges in words: `15 m`, `1 h`. */
export const RANGE_LABEL: Readonly<Record<RangeName, string>> = {
  '15m': '15 m',
  '1h': '1 h',
  '6h': '6 h',
  '24h': '24 h',
};

/** The charts of the chosen range, also as a table. */
export function TrafficPanel({ snapshot }: { readonly snapshot: Snapshot }) {
  const { traffic, now } = snapshot;
  const charts = useMemo(() => trafficCharts(traffic, now), [traffic]);
  const isEmpty = traffic.points.length === 0;
  return (
    <Panel id="traffic" title="Traffic" note={<Reach snapshot={snapshot} />} side={<RangePicker />}>
      {isEmpty ? (
        <p class="empty">No request ended in this time.</p>
      ) : (
        <div class="charts">
          <Chart title="Requests" unit="per minute" data={charts.requests} />
          <Chart title="Outcomes" unit="per minute" data={charts.outcomes} />
          <Chart title="Tokens" unit="per minute" data={charts.tokens} />
          <Chart title="First content" unit="after" data={charts.firstContent} />
        </div>
      )}
      {isEmpty ? null : (
        <details>
          <summary>As a table, every {formatSpan(traffic.stepMs)}</summary>
          <TrafficTable traffic={traffic} />
        </details>
      )}
    </Panel>
  );
}

/** The start of the charts, if it is later than the start of the range. */
function Reach({ snapshot: { traffic } }: { readonly snapshot: Snapshot }) {
  const { now, zone } = useContext(Clock);
  const first = traffic.points[0]?.at;
  if (first === undefined || first <= traffic.since) return null;
  return <>Since {formatInstant(first, now, zone)}, the first request in this time</>;
}

function RangePicker() {
  const query = useContext(View);
  return (
    <nav class="choice" aria-label="Time range">
      <ul>
        {Object.keys(RANGES).map((name) => {
          const range = name as RangeName; // the keys of RANGES
          const isChosen = range === query.range;
          return (
            <li key={range}>
              <a
                href={viewAddress({ ...query, range }, 'traffic')}
                {...(isChosen ? { 'aria-current': 'true' as const } : {})}
              >
                {RANGE_LABEL[range]}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

const COLUMNS = [
  { title: 'From' },
  ...[
    'Answered',
    'Refused',
    'Failed',
    'Client left',
    'Tokens sent',
    'Tokens received',
    'First content, median',
    'First content, 95th percentile',
  ].map((title) => ({ title, numeric: true })),
];

function TrafficTable({ traffic: { points, stepMs } }: Pick<Snapshot, 'traffic'>) {
  const { zone } = useContext(Clock);
  const duration = (ms: number | null) => (ms === null ? '–' : formatDuration(ms));
  const time = stepMs < MINUTE_MS ? formatSecond : formatMinute;
  const rows = points.toReversed().map((point) => ({
    id: String(point.at),
    cells: [
      time(point.at, zone),
      formatCount(point.answered),
      formatCount(point.refused),
      formatCount(point.failed),
      formatCount(point.aborted),
      formatCount(point.sent),
      formatCount(point.received),
      duration(point.firstContentP50Ms),
      duration(point.firstContentP95Ms),
    ],
  }));
  return <Table label="Traffic in steps" columns={COLUMNS} rows={rows} />;
}
