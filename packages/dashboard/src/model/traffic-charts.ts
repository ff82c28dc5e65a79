import { formatDuration } from './instant.ts';
import { formatRate } from './number.ts';
import {
  drawnSteps,
  perMinute,
  requestsOf,
  type DrawnStep,
  type Series,
  type Traffic,
} from './traffic-series.ts';

/** What a chart draws. */
export interface ChartData {
  /** Milliseconds since the epoch, ascending, one for each value of each series. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** Whether the values lie on top of each other. */
  readonly isStacked: boolean;
  readonly format: (value: number) => string;
}

/** The charts of a range. */
export interface TrafficCharts {
  readonly requests: ChartData;
  readonly outcomes: ChartData;
  readonly tokens: ChartData;
  readonly firstContent: ChartData;
}

const DASHED = [6, 3];
const DOTTED = [2, 2];
const MIXED = [8, 3, 2, 3];

/** Builds the charts. Lines of one chart differ in dashes too, not in colour alone. */
export function trafficCharts(traffic: Traffic, now: number): TrafficCharts {
  const steps = drawnSteps(traffic, now);
  const times = steps.map(({ point }) => point.at);
  const line = (
    label: string,
    tone: string,
    of: Parameters<typeof perMinute>[1],
    dash?: number[],
  ) => ({ label, tone, values: perMinute(steps, of), ...(dash ? { dash } : {}) }) satisfies Series;
  const rates = (series: Series[], isStacked = false): ChartData => ({
    times,
    series,
    isStacked,
    format: formatRate,
  });
  return {
    requests: rates([line('all', 'plain', requestsOf)]),
    outcomes: rates(
      [
        line('answered', 'answered', ({ answered }) => answered),
        line('refused', 'refused', ({ refused }) => refused, DASHED),
        line('failed', 'failed', ({ failed }) => failed, DOTTED),
        line('client left', 'aborted', ({ aborted }) => aborted, MIXED),
      ],
      true,
    ),
    tokens: rates([
      line('sent', 'sent', ({ sent }) => sent),
      line('received', 'received', ({ received }) => received, DASHED),
    ]),
    firstContent: firstContentChart(steps, times),
  };
}

function firstContentChart(steps: readonly DrawnStep[], times: readonly number[]): ChartData {
  return {
    times,
    series: [
      { label: 'median', tone: 'p50', values: steps.map(({ point }) => point.firstContentP50Ms) },
      {
        label: '95th percentile',
        tone: 'p95',
        dash: DASHED,
        values: steps.map(({ point }) => point.firstContentP95Ms),
      },
    ],
    isStacked: false,
    format: formatDuration,
  };
}
