import { MINUTE_MS } from '@openrouter-proxy/runtime/time';
import type { KeySpan } from '@openrouter-proxy/kms-protocol';

/** A drawn span: start and width in percent of the row. */
export interface TimelinePiece {
  readonly x: number;
  readonly width: number;
  readonly span: KeySpan;
}

/** Start and end of the timeline (milliseconds since the epoch). */
export interface TimelineAxis {
  readonly from: number;
  readonly to: number;
}

/** The minimum visible width of a span, in percent. */
const LEAST_WIDTH = 0.25;

/** Places spans on the axis: clips them to it, and keeps very short ones visible. */
export function timelinePieces(
  spans: readonly KeySpan[],
  { from, to }: TimelineAxis,
): TimelinePiece[] {
  const length = to - from;
  if (length <= 0) return [];
  return spans
    .filter((span) => span.from < to && (span.to ?? to) > from)
    .map((span) => {
      const begin = Math.max(span.from, from);
      const end = Math.min(span.to ?? to, to);
      const width = Math.max((100 * (end - begin)) / length, LEAST_WIDTH);
      return { x: Math.min((100 * (begin - from)) / length, 100 - width), width, span };
    });
}

const HOUR = 60 * MINUTE_MS;
const SHORTEST = 2 * MINUTE_MS;
const LONGEST = 24 * HOUR;

/** The common axis of all rows: from the oldest span, at most a day. */
export function timelineAxis(
  lanes: readonly { spans: readonly KeySpan[] }[],
  now: number,
): TimelineAxis {
  const oldest = Math.min(now, ...lanes.map(({ spans }) => spans[0]?.from ?? now));
  return { from: now - Math.min(Math.max(now - oldest, SHORTEST), LONGEST), to: now };
}

/** A moment on the axis: when, and where in percent. */
export interface TimelineTick {
  readonly at: number;
  readonly x: number;
}

const LAST_TICK = 80;
const TICK_STEPS = [
  MINUTE_MS,
  2 * MINUTE_MS,
  5 * MINUTE_MS,
  HOUR / 6,
  HOUR / 2,
  HOUR,
  2 * HOUR,
  6 * HOUR,
];
const MOST_TICKS = 5;

/** Round times on the axis, few enough to read; the end is left free for `now`. */
export function timelineTicks({ from, to }: TimelineAxis): TimelineTick[] {
  const step = TICK_STEPS.find((each) => (to - from) / each <= MOST_TICKS) ?? 6 * HOUR;
  const ticks: TimelineTick[] = [];
  for (let at = Math.ceil(from / step) * step; at < to; at += step) {
    const x = (100 * (at - from)) / (to - from);
    if (x < LAST_TICK) ticks.push({ at, x });
  }
  return ticks;
}

/** The time spent in each kind of span on the axis, in milliseconds. */
export function timeByKind(
  spans: readonly KeySpan[],
  { from, to }: TimelineAxis,
): Map<KeySpan['kind'], number> {
  const spent = new Map<KeySpan['kind'], number>();
  for (const span of spans) {
    const ms = Math.min(span.to ?? to, to) - Math.max(span.from, from);
    if (ms > 0) spent.set(span.kind, (spent.get(span.kind) ?? 0) + ms);
  }
  return spent;
}
