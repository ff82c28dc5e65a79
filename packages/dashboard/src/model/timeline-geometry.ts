import { MINUTE_MS } from '@openrouter-proxy/runtime/time';
import type { KeySpan } from '@openrouter-proxy/kms-protocol';

/** A span as it is drawn: beginning and width in percent of the lane. */
export interface LanePiece {
  readonly x: number;
  readonly width: number;
  readonly span: KeySpan;
}

/** Where a lane begins and ends (milliseconds since the epoch). */
export interface TimelineAxis {
  readonly from: number;
  readonly to: number;
}

/** Narrower than this, in percent, a span could not be seen. */
const LEAST_WIDTH = 0.25;

/** Places spans on the axis; what is outside is cut off, what is very short stays visible. */
export function timelinePieces(spans: readonly KeySpan[], { from, to }: TimelineAxis): LanePiece[] {
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

/** The axis that all lanes share: from the oldest span, though at most a day. */
export function laneAxis(
  lanes: readonly { spans: readonly KeySpan[] }[],
  now: number,
): TimelineAxis {
  const oldest = Math.min(now, ...lanes.map(({ spans }) => spans[0]?.from ?? now));
  return { from: now - Math.min(Math.max(now - oldest, SHORTEST), LONGEST), to: now };
}

/** A moment on the axis: when, and where in percent. */
export interface LaneTick {
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

/** Round times on the axis, as many as can be read; the end is left free for `now`. */
export function timelineTicks({ from, to }: TimelineAxis): LaneTick[] {
  const step = TICK_STEPS.find((each) => (to - from) / each <= MOST_TICKS) ?? 6 * HOUR;
  const ticks: LaneTick[] = [];
  for (let at = Math.ceil(from / step) * step; at < to; at += step) {
    const x = (100 * (at - from)) / (to - from);
    if (x < LAST_TICK) ticks.push({ at, x });
  }
  return ticks;
}

/** Of the axis, how much of the known time was spent in each kind, in milliseconds. */
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
