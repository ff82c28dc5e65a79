import { HOUR_MS, MINUTE_MS, SECOND_MS } from '@openrouter-proxy/runtime';

const UNIT_MS = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS } as const;
const LARGEST_FIRST = ['h', 'm', 's'] as const;
const DURATION = /^(\d+(?:\.\d+)?) ?(ms|s|m|h)?$/;

/**
 * Reads a duration: a number with a unit (`250ms`, `30s`, `5m`, `4h`), or a number of seconds.
 * Returns whole milliseconds, or undefined if it is not a duration.
 */
export function parseDuration(value: unknown): number | undefined {
  const match = DURATION.exec(
    typeof value === 'string' ? value.trim() : String(Number.isFinite(value) ? value : ''),
  );
  if (match === null) return undefined;
  const unit = (match[2] ?? 's') as keyof typeof UNIT_MS; // the pattern names the same units
  const milliseconds = Math.round(Number(match[1]) * UNIT_MS[unit]);
  return Number.isSafeInteger(milliseconds) ? milliseconds : undefined;
}

/** Writes whole milliseconds the shortest way that `parseDuration` reads back. */
export function formatDuration(milliseconds: number): string {
  const unit = LARGEST_FIRST.find((candidate) => milliseconds % UNIT_MS[candidate] === 0) ?? 'ms';
  return milliseconds === 0 ? '0s' : `${milliseconds / UNIT_MS[unit]}${unit}`;
}
