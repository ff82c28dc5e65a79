/** How long to wait before the next attempt; a value, not a clock. */
export interface BackOff {
  /** Milliseconds. */
  readonly delayMs: number;
  /** What to wait if that attempt fails too. */
  next(): BackOff;
}

/** Doubles from `firstMs` up to `maxMs`. */
export function doublingBackOff(firstMs: number, maxMs: number): BackOff {
  return { delayMs: firstMs, next: () => doublingBackOff(Math.min(2 * firstMs, maxMs), maxMs) };
}
