/** How a back-off grows, in milliseconds. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** A model whose providers are full, or fail. */
export const MODEL_BACK_OFF: BackOff = { firstMs: 1_000, longestMs: 60_000 };
/** A limit that nobody explains. */
export const UNKNOWN_BACK_OFF: BackOff = { firstMs: 15_000, longestMs: 15 * 60_000 };
/** An account that seems to owe credits: a request is let through now and then, since topping up is not announced. */
export const DEBT_BACK_OFF: BackOff = { firstMs: 60_000, longestMs: 60 * 60_000 };
/** The way to OpenRouter when it is broken, and when its edge blocks this address. */
export const CONNECTION_BACK_OFF: BackOff = { firstMs: 1_000, longestMs: 30_000 };
export const BLOCK_BACK_OFF: BackOff = { firstMs: 5_000, longestMs: 5 * 60_000 };

/** `GET /key` while OpenRouter cannot be reached, and while it refuses the key. */
export const TROUBLE_CHECK_BACK_OFF: BackOff = { firstMs: 1_000, longestMs: 30_000 };
export const REFUSED_CHECK_BACK_OFF: BackOff = { firstMs: 2_000, longestMs: 5 * 60_000 };

/** Those who failed together are not to come back together. */
const JITTER = 0.2;

/** How long to hold back for the `level`th time in a row, counted from 1: doubled each time, ±20 %. */
export function backOffMs(backOff: BackOff, level: number, random: () => number): number {
  const doubled = backOff.firstMs * 2 ** Math.min(level - 1, 30);
  const spread = 1 - JITTER + 2 * JITTER * random();
  return Math.round(Math.min(doubled, backOff.longestMs) * spread);
}
