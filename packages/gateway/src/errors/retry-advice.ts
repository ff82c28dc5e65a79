/** Clients sleep for as long as `Retry-After` says, some without a cap. A longer wait is told only in words. */
export const LONGEST_RETRY_AFTER_MS = 60_000;

/** When a client may ask again: as header fields, and in words. */
export interface RetryAdvice {
  readonly headers: Readonly<Record<string, string>>;
  /** A sentence for the end of the message; empty: nothing is known. */
  readonly sentence: string;
}

/** A client that repeats requests by itself need not repeat this one. */
export const NO_RETRY: Readonly<Record<string, string>> = { 'x-should-retry': 'false' };

const pad = (value: number) => String(value).padStart(2, '0');

/** A time of day in UTC, with its date if that is another one than today's. */
function timeOf(at: Date, now: number): string {
  const time = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())} UTC`;
  const date = at.toISOString().slice(0, 10);
  return date === new Date(now).toISOString().slice(0, 10) ? time : `${date} ${time}`;
}

/** A time span in its two largest units: `3 h 20 min`, `2 d 4 h`, `5 min`. */
function spanOf(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  const [days, hours, rest] = [
    Math.floor(minutes / 1_440),
    Math.floor(minutes / 60) % 24,
    minutes % 60,
  ];
  const units: [number, string][] =
    days > 0
      ? [
          [days, 'd'],
          [hours, 'h'],
        ]
      : [
          [hours, 'h'],
          [rest, 'min'],
        ];
  return units
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

/**
 * The one rule for refusals that end by themselves. Up to a minute: `Retry-After` (RFC 9110, section
 * 10.2.3), and clients may repeat by themselves. Beyond: the time in words, and no repetition.
 */
export function retryAdvice(waitMs: number | undefined, now: number): RetryAdvice {
  if (waitMs === undefined) return { headers: {}, sentence: '' };
  if (waitMs <= LONGEST_RETRY_AFTER_MS) {
    const seconds = String(Math.max(1, Math.ceil(waitMs / 1_000)));
    return { headers: { 'retry-after': seconds }, sentence: `Try again in ${seconds} s.` };
  }
  const at = timeOf(new Date(now + waitMs), now);
  return { headers: NO_RETRY, sentence: `Try again at ${at}, in ${spanOf(waitMs)}.` };
}
