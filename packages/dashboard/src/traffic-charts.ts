import type { TrafficPoint } from '@openrouter-proxy/kms-protocol';
import { formatDuration } from './instant.ts';
import { formatRate } from './number.ts';
import { lastHour, perSecond, requestsOf, type Series } from './traffic-series.ts';

/** What a chart draws. */
export interface ChartData {
  /** Milliseconds since the epoch, ascending, one for each value of each series. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** Whether the values lie on top of each other. */
  readonly isStacked: boolean;
  readonly format: (value: number) => string;
}

/** The charts of the hour before `now`. */
export interface TrafficCharts {
  readonly requests: ChartData;
  readonly outcomes: ChartData;
  readonly tokens: ChartData;
  readonly firstContent: ChartData;
}

const DASHED = [6, 3];
const DOTTED = [2, 2];
const MIXED = [8, 3, 2, 3];

/** Draws up the charts; lines of one chart differ in their dashes, not only in their colours. */
export function trafficCharts(
  points: readonly TrafficPoint[],
  stepMs: number,
  now: number,
): TrafficCharts {
  const hour = lastHour(points, stepMs, now);
  const times = hour.map(({ at }) => at);
  const rate = (of: (point: TrafficPoint) => number) => perSecond(hour.map(of), stepMs);
  const rates = (series: Series[], isStacked = false): ChartData => ({
    times,
    series,
    isStacked,
    format: formatRate,
  });
  return {
    requests: rates([{ label: 'all', tone: 'plain', values: rate(requestsOf) }]),
    outcomes: rates(
      [
        { label: 'answered', tone: 'answered', values: rate(({ answered }) => answered) },
        { label: 'refused', tone: 'refused', dash: DASHED, values: rate(({ refused }) => refused) },
        { label: 'failed', tone: 'failed', dash: DOTTED, values: rate(({ failed }) => failed) },
        { label: 'given up', tone: 'aborted', dash: MIXED, values: rate(({ aborted }) => aborted) },
      ],
      true,
    ),
    tokens: rates([
      { label: 'sent', tone: 'sent', values: rate(({ sent }) => sent) },
      {
        label: 'received',
        tone: 'received',
        dash: DASHED,
        values: rate((point) => point.received),
      },
    ]),
    firstContent: firstContentChart(hour),
  };
}

function firstContentChart(hour: readonly TrafficPoint[]): ChartData {
  return {
    times: hour.map(({ at }) => at),
    series: [
      { label: 'median', tone: 'p50', values: hour.map((point) => point.firstContentP50Ms) },
      {
        label: '95th percentile',
        tone: 'p95',
        dash: DASHED,
        values: hour.map((point) => point.firstContentP95Ms),
      },
    ],
    isStacked: false,
    format: formatDuration,
  };
}
