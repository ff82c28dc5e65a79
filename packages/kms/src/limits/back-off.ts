import { HOUR_MS, MINUTE_MS } from '@openrouter-proxy/runtime';
/** The range of a back-off, in milliseconds. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** A model whose providers are overloaded or fail. */
export const MODEL_BACK_OFF: BackOff = { firstMs: 1_000, longestMs: MINUTE_MS };
/** A rate limit without a stated end. */
export const UNKNOWN_BACK_OFF: BackOff = { firstMs: 15_000, longestMs: 15 * MINUTE_MS };
/**
 * An account that may owe credits. A request probes it now and then, since a payment is not
 * announced.
 */
export const DEBT_BACK_OFF: BackOff = { firstMs: MINUTE_MS, longestMs: HOUR_MS };
/** The upstream: it cannot be reached, or its edge blocks this address. */
export const CONNECTION_BACK_OFF: BackOff = { firstMs: 1_000, longestMs: 30_000 };
export const BLOCK_BACK_OFF: BackOff = { firstMs: 5_000, longestMs: 5 * MINUTE_MS };

/** Repeated key checks: OpenRouter cannot be reached, or rejects the key. */
export const TROUBLE_CHECK_BACK_OFF: BackOff = { firstMs: 1_000, longestMs: 30_000 };
export const REFUSED_CHECK_BACK_OFF: BackOff = { firstMs: 2_000, longestMs: 5 * MINUTE_MS };

/** Subjects that failed together must not all be retried at the same moment. */
const JITTER = 0.2;

/** The delay after the `level`th failure in a row (from 1): doubled each time, ±20 %, never above the longest. */
export function backOffMs(backOff: BackOff, level: number, random: () => number): number {
  const doubled = backOff.firstMs * 2 ** Math.min(level - 1, 30);
  const jitter = 1 - JITTER + 2 * JITTER * random();
  const delay = Math.round(Math.min(doubled, backOff.longestMs) * jitter);
  return Math.min(delay, backOff.longestMs);
}
