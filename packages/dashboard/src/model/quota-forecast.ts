/** Something that is used up over time. */
export interface Consumption {
  readonly used: number;
  readonly left: number;
  /** Start and end of the window (milliseconds since the epoch). */
  readonly since: number;
  readonly resetsAt: number;
}

/** The part of the window that must pass before a forecast. */
const EARLY = 0.05;

/**
 * When the quota runs out at the average rate of this window. Null if it is too early to say, unused,
 * used up already, or enough until the window ends.
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
