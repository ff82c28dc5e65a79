import { createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { axisTime } from '../../model/instant.ts';
import type { ChartData } from '../../model/traffic-charts.ts';
import { Clock } from './clock.tsx';
import { Sparkline } from './sparkline.tsx';

/** A drawing in the page. */
export interface Plot {
  update(data: ChartData): void;
  remove(): void;
}

/** Draws into an element, and reports the value under the pointer. */
export type Plotter = (
  target: HTMLElement,
  data: ChartData,
  onPointer: (index: number | null) => void,
) => Plot;

/** The chart renderer; null without scripts, where a sparkline is shown. */
export const Drawing = createContext<Plotter | null>(null);

interface ChartProps {
  readonly title: string;
  readonly unit: string;
  readonly data: ChartData;
}

/** A chart with its legend, which shows the values under the pointer, or the latest. */
export function Chart({ title, unit, data }: ChartProps) {
  const [pointer, setPointer] = useState<number | null>(null);
  const { target, isDrawn } = usePlot(data, setPointer);
  return (
    <figure class="chart">
      <figcaption>
        <h3>
          {title} <span class="muted">{unit}</span>
        </h3>
        <Legend data={data} pointer={pointer} />
      </figcaption>
      <div class="plot" ref={target}>
        {isDrawn ? null : <Sparkline data={data} />}
      </div>
    </figure>
  );
}

function usePlot(data: ChartData, onPointer: (index: number | null) => void) {
  const plotter = useContext(Drawing);
  const target = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const [isDrawn, setDrawn] = useState(false);
  useEffect(() => {
    if (!plotter || !target.current) return;
    plot.current = plotter(target.current, data, onPointer);
    setDrawn(true);
    return () => plot.current?.remove();
  }, [plotter]);
  useEffect(() => plot.current?.update(data), [data]);
  return { target, isDrawn };
}

interface LegendProps {
  readonly data: ChartData;
  readonly pointer: number | null;
}

function Legend({ data: { times, series, format }, pointer }: LegendProps) {
  const { zone } = useContext(Clock);
  const index = Math.min(pointer ?? Infinity, times.length - 1);
  const at = times[index];
  return (
    <ul class="legend">
      {series.map(({ label, tone, dash, values }) => {
        const value = pointer === null ? values.findLast((one) => one !== null) : values[index];
        return (
          <li key={label}>
            <svg class={`swatch tone-${tone}`} aria-hidden="true">
              <line x1="0" y1="50%" x2="100%" y2="50%" stroke-dasharray={dash?.join(' ')} />
            </svg>
            {label} <strong>{value == null ? '–' : format(value)}</strong>
          </li>
        );
      })}
      {pointer === null || at === undefined ? null : (
        <li class="muted">{axisTime(times)(at, zone)}</li>
      )}
    </ul>
  );
}
