/** Something that is used up over time. */
export interface Consumption {
  readonly used: number;
  readonly left: number;
  /** When counting began, and when it begins anew (milliseconds since the epoch). */
  readonly since: number;
  readonly resetsAt: number;
}

/** Of the window, before a mean says anything. */
const EARLY = 0.05;

/**
 * When it runs out if it is used on as it was on average since counting began; null: it is too early
 * to say, it is not used at all, it is used up already, or it lasts until it begins anew.
 */
export function runsOutAt(
  { used, left, since, resetsAt }: Consumption,
  now: number,
): number | null {
  const elapsed = now - since;
  if (used <= 0 || left <= 0 || elapsed < EARLY * (resetsAt - since)) return null;
  const at = now + (left * elapsed) / used;
  return at < resetsAt ? at : null;
}
