import type { UsageRow } from '@openrouter-proxy/kms-protocol';
import type { ComponentChildren } from 'preact';
import { formatDuration } from '../instant.ts';
import { formatCount, formatCredits, formatShare } from '../number.ts';
import type { Snapshot } from '../snapshot.ts';
import { requestsOf, trafficTotals } from '../traffic-series.ts';

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

/** The figures to look at first. */
export function Figures({ snapshot }: { readonly snapshot: Snapshot }) {
  const { status, usage, traffic } = snapshot;
  const hour = trafficTotals(traffic.points);
  const ended = requestsOf(hour);
  const latest = traffic.points.findLast(({ firstContentP50Ms }) => firstContentP50Ms !== null);
  const duration = (ms: number | null | undefined) => (ms == null ? '–' : formatDuration(ms));
  return (
    <dl class="figures" aria-label="At a glance">
      <Figure title="In flight" value={status ? formatCount(status.leasesInFlight) : '–'}>
        {status ? `${formatCount(status.waiting)} waiting for a key` : 'not known'}
      </Figure>
      <Figure title="Requests, last hour" value={formatCount(ended)}>
        {formatCount(hour.failed)} failed, {formatCount(hour.refused)} refused
        {hour.unauthorized === 0
          ? ''
          : `, of these ${formatCount(hour.unauthorized)} for a wrong access key`}
      </Figure>
      <Figure title="Answered, last hour" value={formatShare(hour.answered, ended)}>
        {formatCount(hour.aborted)} given up by clients
      </Figure>
      <Figure title="Time to first content" value={duration(latest?.firstContentP50Ms)}>
        median; p95 {duration(latest?.firstContentP95Ms)}
      </Figure>
      <Figure
        title="Tokens today"
        value={formatCount(sumOf(usage.models, (row) => row.sent + row.received))}
      >
        {formatCount(sumOf(usage.models, (row) => row.sent))} sent,{' '}
        {formatCount(sumOf(usage.models, (row) => row.received))} received
      </Figure>
      <Figure title="Cost today" value={formatCredits(sumOf(usage.models, (row) => row.cost))}>
        credits, since 00:00 UTC
      </Figure>
    </dl>
  );
}
