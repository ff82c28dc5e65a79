import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@openrouter-proxy/runtime';

/** A duration in at most two units: `9m 58s`, `4h`, `120ms`. */
export function span(ms: number): string {
  if (ms < SECOND_MS) return `${Math.max(0, Math.round(ms))}ms`;
  const units: [number, string, number, string][] = [
    [DAY_MS, 'd', HOUR_MS, 'h'],
    [HOUR_MS, 'h', MINUTE_MS, 'm'],
    [MINUTE_MS, 'm', SECOND_MS, 's'],
  ];
  for (const [large, name, small, smallName] of units) {
    if (ms < large) continue;
    const rest = Math.floor((ms % large) / small);
    return `${Math.floor(ms / large)}${name}${rest === 0 ? '' : ` ${rest}${smallName}`}`;
  }
  return `${Math.floor(ms / SECOND_MS)}s`;
}

const two = (number: number) => String(number).padStart(2, '0');

/** An instant in local time, with the date unless it is today. */
export function clockTime(instant: number, now: number): string {
  const [at, today] = [new Date(instant), new Date(now)];
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === today.toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

/** The end of something: `until 16:40:12 (in 9m 58s)`. */
export const until = (instant: number, now: number): string =>
  `until ${clockTime(instant, now)} (in ${span(instant - now)})`;

/** Relative and absolute: `in 9m 58s (16:40:12)`, `3h ago (09:12:00)`. */
export function when(instant: number, now: number): string {
  const distance = instant >= now ? `in ${span(instant - now)}` : `${span(now - instant)} ago`;
  return `${distance} (${clockTime(instant, now)})`;
}
