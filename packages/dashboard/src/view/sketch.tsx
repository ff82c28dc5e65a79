import { sketchPath } from '../sketch-path.ts';
import { stacked } from '../traffic-series.ts';
import type { ChartData } from '../traffic-charts.ts';

const WIDTH = 100;
const HEIGHT = 40;

/** A chart without a script: the lines, and how high they reach. */
export function Sketch({ data: { series, isStacked, format } }: { readonly data: ChartData }) {
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
            d={sketchPath(values, { width: WIDTH, height: HEIGHT, top })}
            stroke-dasharray={dash?.join(' ')}
          />
        ))}
      </svg>
      <p class="sketch-top muted">{format(top)}</p>
    </>
  );
}
