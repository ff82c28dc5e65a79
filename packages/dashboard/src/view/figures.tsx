import type { UsageRow } from '@openrouter-proxy/kms-protocol';
import type { ComponentChildren } from 'preact';
import { useContext } from 'preact/hooks';
import { formatDuration, formatMinute, startOfUtcDay } from '../model/instant.ts';
import { formatCost, formatCount, formatShare } from '../model/number.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { requestsOf, trafficTotals } from '../model/traffic-series.ts';
import { Clock } from './elements/clock.tsx';
import { RANGE_LABEL } from './traffic.tsx';
import { View } from './elements/view-context.tsx';

interface FigureProps {
  readonly title: string;
  readonly value: string;
  readonly children: ComponentChildren;
}

function Figure({ title, value, children }: FigureProps) {
  return (
    <div class="figure">
      <dt>{title}</dt>
      <dd>
        <strong>{value}</strong>
        <span class="muted">{children}</span>
      </dd>
    </div>
  );
}

const sumOf = (rows: readonly UsageRow[], of: (row: UsageRow) => number) =>
  rows.reduce((sum, row) => sum + of(row), 0);

/** The key figures. */
export function Figures({ snapshot }: { readonly snapshot: Snapshot }) {
  const { status, usage, traffic } = snapshot;
  const { zone } = useContext(Clock);
  const range = RANGE_LABEL[useContext(View).range];
  const totals = trafficTotals(traffic.points);
  const ended = requestsOf(totals);
  const latest = traffic.points.findLast(({ firstContentP50Ms }) => firstContentP50Ms !== null);
  const duration = (ms: number | null | undefined) => (ms == null ? '–' : formatDuration(ms));
  return (
    <dl class="figures" aria-label="At a glance">
      <Figure title="In flight" value={status ? formatCount(status.leasesInFlight) : '–'}>
        {status
          ? `${formatCount(status.waiting)} waiting for a key`
          : 'the key service does not answer'}
      </Figure>
      <Figure title={`Requests, last ${range}`} value={formatCount(ended)}>
        {formatCount(totals.failed)} failed, {formatCount(totals.refused)} refused
        {totals.unauthorized === 0
          ? ''
          : `; ${formatCount(totals.unauthorized)} with a wrong access key`}
      </Figure>
      <Figure title={`Answered, last ${range}`} value={formatShare(totals.answered, ended)}>
        {formatCount(totals.aborted)} given up by the client
      </Figure>
      <Figure title="First content, median" value={duration(latest?.firstContentP50Ms)}>
        95th percentile {duration(latest?.firstContentP95Ms)}
      </Figure>
      <Figure
        title="Tokens today"
        value={formatCount(sumOf(usage.models, (row) => row.sent + row.received))}
      >
        {formatCount(sumOf(usage.models, (row) => row.sent))} sent,{' '}
        {formatCount(sumOf(usage.models, (row) => row.received))} received
      </Figure>
      <Figure title="Cost today" value={formatCost(sumOf(usage.models, (row) => row.cost))}>
        since {formatMinute(startOfUtcDay(snapshot.now), zone)}
      </Figure>
    </dl>
  );
}
