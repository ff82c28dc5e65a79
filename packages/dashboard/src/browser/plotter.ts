import uPlot from 'uplot';
import { axisTime } from '../model/instant.ts';
import { stacked } from '../model/traffic-series.ts';
import type { ChartData } from '../model/traffic-charts.ts';
import type { Plot, Plotter } from '../view/elements/chart.tsx';

const AXIS_WIDTH = 46;
const TIMES_HEIGHT = 22;
/** An alpha value: two hexadecimal digits after a colour. */
const GROUND_OPACITY = '18';
const LAYER_OPACITY = '70';

/** Draws charts with uPlot, in the page's own colours, as large as there is room. */
export const plotter: Plotter = (target, first, onPointer) => {
  let data = first;
  let plot = draw();

  function draw(): uPlot {
    return new uPlot(
      { ...optionsOf(data, target, onPointer), ...sizeOf(target) },
      valuesOf(data),
      target,
    );
  }
  const redraw = () => {
    plot.destroy();
    plot = draw();
  };
  const sizes = new ResizeObserver(() => plot.setSize(sizeOf(target)));
  sizes.observe(target);
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', redraw);

  return {
    update(next) {
      data = next;
      plot.setData(valuesOf(next));
    },
    remove() {
      sizes.disconnect();
      scheme.removeEventListener('change', redraw);
      plot.destroy();
    },
  } satisfies Plot;
};

const sizeOf = ({ clientWidth, clientHeight }: HTMLElement) => ({
  width: clientWidth,
  height: clientHeight,
});

/** Data for uPlot: times in seconds, stacked lines from the top down, so that none hides another. */
function valuesOf({ times, series, isStacked }: ChartData): uPlot.AlignedData {
  const lines = isStacked ? stacked(series).toReversed() : series;
  return [times.map((at) => at / 1000), ...lines.map(({ values }) => [...values])];
}

function optionsOf(
  data: ChartData,
  target: HTMLElement,
  onPointer: (index: number | null) => void,
): Omit<uPlot.Options, 'width' | 'height'> {
  const styles = getComputedStyle(target);
  const colour = (name: string) => styles.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour('muted'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
    font: `11px ${styles.fontFamily}`,
  };
  const minutes = ({ data: [seconds] }: uPlot, splits: number[]) => {
    const time = axisTime([...seconds].map((at) => at * 1000));
    return splits.map((at) => time(at * 1000, 'local'));
  };
  const amounts = (_: uPlot, splits: number[]) => splits.map((value) => data.format(value));
  return {
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    padding: [8, 28, 0, 0],
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, values: minutes, size: TIMES_HEIGHT, space: 64 },
      { ...axis, values: amounts, size: AXIS_WIDTH, space: 28 },
    ],
    series: [{}, ...seriesOf(data, colour)],
    bands: data.isStacked ? layersOf(data) : [],
    hooks: { setCursor: [({ cursor }) => onPointer(cursor.idx ?? null)] },
  };
}

/** Each line of a stack is filled down to the next one, not to the ground. */
function layersOf({ series }: ChartData): uPlot.Band[] {
  return series.slice(1).map((_, index) => ({ series: [index + 1, index + 2] }));
}

function seriesOf({ series, isStacked }: ChartData, colour: (name: string) => string) {
  const lines = isStacked ? series.toReversed() : series;
  return lines.map(({ tone, dash, values }): uPlot.Series => {
    const stroke = colour(`tone-${tone}`);
    return {
      stroke,
      fill: stroke + (isStacked ? LAYER_OPACITY : GROUND_OPACITY),
      width: 1.5,
      spanGaps: true, // steps without content
      ...(dash ? { dash: [...dash] } : {}),
      // A single point has no line, so it gets a dot.
      points: { show: values.filter((value) => value !== null).length === 1, size: 5 },
    };
  });
}
