import { useContext } from 'preact/hooks';
import { axisTime } from '../../model/instant.ts';
import { sparklinePath } from '../../model/sparkline-path.ts';
import { stacked } from '../../model/traffic-series.ts';
import type { ChartData } from '../../model/traffic-charts.ts';
import { Clock } from './clock.tsx';

const WIDTH = 100;
const HEIGHT = 40;

/** A chart without a script: the lines, how high they reach, and from when to when. */
export function Sparkline({ data }: { readonly data: ChartData }) {
  const { times, series, isStacked, format } = data;
  const { zone } = useContext(Clock);
  const time = axisTime(times);
  const lines = isStacked ? stacked(series) : series;
  const top = Math.max(0, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
  return (
    <>
      <svg
        class="sketch"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        {lines.map(({ label, tone, dash, values }) => (
          <path
            key={label}
            class={`tone-${tone}`}
            d={sparklinePath(values, { width: WIDTH, height: HEIGHT, top })}
            stroke-dasharray={dash?.join(' ')}
          />
        ))}
      </svg>
      <p class="sketch-top muted">{format(top)}</p>
      <p class="sketch-axis muted">
        <span>{time(times[0] ?? 0, zone)}</span> <span>{time(times.at(-1) ?? 0, zone)}</span>
      </p>
    </>
  );
}
