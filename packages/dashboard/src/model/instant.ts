import { SECOND_MS } from '@openrouter-proxy/runtime/time';
/** The time zone: UTC on the server, the local zone in the browser. */
export type Zone = 'UTC' | 'local';

const MINUTE = 60 * SECOND_MS;
const HOUR = 60 * MINUTE;
/** A day, in milliseconds. */
export const DAY = 24 * HOUR;

type Parts = Intl.DateTimeFormatOptions;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Cached, since creating a format is slow and a page uses the same few thousands of times. */
function formatOf(zone: Zone, parts: Parts): Intl.DateTimeFormat {
  const name = `${zone} ${Object.keys(parts).join(' ')}`;
  const known = formats.get(name);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    ...parts,
    ...(zone === 'UTC' ? { timeZone: 'UTC' } : {}),
  });
  formats.set(name, made);
  return made;
}

const TIME: Parts = { hour: '2-digit', minute: '2-digit', second: '2-digit' };
const DATE: Parts = { day: 'numeric', month: 'short' };

/** The time of day, with the date where it is another than `now`'s: `14:05:10`, `3 Dec, 14:05:10`. */
export function formatInstant(at: number, now: number, zone: Zone): string {
  const date = formatOf(zone, DATE);
  const sameDay = Math.abs(at - now) < DAY && date.format(at) === date.format(now);
  const time = formatOf(zone, TIME).format(at);
  if (sameDay) return time;
  if (Math.abs(at - now) < 180 * DAY) return `${date.format(at)}, ${time}`;
  return formatOf(zone, { day: 'numeric', month: 'short', year: 'numeric' }).format(at);
}

/** The zone's short name at an instant: `UTC`, `CET`, `GMT+5:30`. */
export function zoneName(at: number, zone: Zone): string {
  if (zone === 'UTC') return 'UTC';
  const parts = formatOf(zone, { timeZoneName: 'short' }).formatToParts(at);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

/** The time of day with seconds: `14:05:10`. */
export function formatSecond(at: number, zone: Zone): string {
  return formatOf(zone, TIME).format(at);
}

/** The hour and minute: `14:05`. */
export function formatMinute(at: number, zone: Zone): string {
  return formatOf(zone, { hour: '2-digit', minute: '2-digit' }).format(at);
}

/** How the times of an axis are written: with seconds where it is short. */
export function axisTime(times: readonly number[]): typeof formatMinute {
  const length = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return length < 10 * MINUTE ? formatSecond : formatMinute;
}

/** A measured time in milliseconds: `0.4 ms`, `87 ms`, `1.25 s`, `3 m 12 s`. */
export function formatDuration(ms: number): string {
  if (ms >= MINUTE) return formatSpan(ms);
  if (ms >= 9_995) return `${(ms / SECOND_MS).toFixed(1)} s`;
  if (ms >= 999.5) return `${(ms / SECOND_MS).toFixed(2)} s`;
  return ms > 0 && ms < 1 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(0)} ms`;
}

/** A span of time in its two largest units, never ending early: `3 m 12 s`, `2 h 5 m`, `4 d 1 h`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / SECOND_MS));
  const steps = [
    { unit: 'd', value: Math.floor(seconds / 86_400) },
    { unit: 'h', value: Math.floor(seconds / 3_600) % 24 },
    { unit: 'm', value: Math.floor(seconds / 60) % 60 },
    { unit: 's', value: seconds % 60 },
  ];
  const first = steps.findIndex(({ value }) => value > 0);
  if (first === -1) return '0 s';
  return steps
    .slice(first, first + 2)
    .filter(({ value }) => value > 0)
    .map(({ value, unit }) => `${value} ${unit}`)
    .join(' ');
}

/** How long ago, or how far ahead: `just now`, `12 s ago`, `in 3 m 12 s`. */
export function formatDistance(at: number, now: number): string {
  const away = Math.abs(at - now);
  if (away < SECOND_MS) return 'just now';
  if (at > now) return `in ${formatSpan(away)}`;
  return `${formatSpan(away >= MINUTE ? Math.floor(away / MINUTE) * MINUTE : away)} ago`;
}

/** When the UTC day of an instant began. */
export function startOfUtcDay(at: number): number {
  return Math.floor(at / DAY) * DAY;
}
