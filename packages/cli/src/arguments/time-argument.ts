import { DAY_MS } from '@openrouter-proxy/runtime';
import { Failure } from '../connection/failure.ts';

/** The longest cooldown that the service accepts. */
const LONGEST_MS = 366 * DAY_MS;

/** Reads a duration as in the configuration, or in days. Returns milliseconds, above zero. */
export async function readTime(
  option: string,
  value: string | boolean | undefined,
): Promise<number> {
  const text = String(value ?? '').trim();
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  const { parseDuration } = await import('@openrouter-proxy/config');
  const ms = days === undefined ? parseDuration(text) : Number(days) * DAY_MS;
  if (ms !== undefined && ms > 0 && ms <= LONGEST_MS) return ms;
  throw new Failure(
    'usage',
    `${option} must be a length of time up to 366d, such as 90s, 10m, 4h or 2d, or a number of seconds.`,
  );
}
