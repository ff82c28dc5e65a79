import type { KeySpan } from '@openrouter-proxy/kms-protocol';

/** A key's own state, or a limit on it, with the time for which it holds. */
export interface StatusPeriod {
  readonly kind: KeySpan['kind'];
  readonly from: number;
  /** When it ends by itself; null: not by itself. */
  readonly until: number | null;
  readonly why: string;
}

/** How a key stands from a moment on. */
export type KeyStatus = Omit<StatusPeriod, 'until'>;

/** What decides how a key stands. */
export interface KeyConditions {
  readonly state: StatusPeriod;
  /** What the last contact with OpenRouter said against the key, or against every key; null: nothing. */
  readonly contact: StatusPeriod | null;
  readonly limits: readonly StatusPeriod[];
}

/**
 * How a key stands from a moment on until nothing changes by itself any more. A key that is disabled
 * is just that; else a refusal by OpenRouter comes first, then the key's own state, then that
 * OpenRouter cannot be reached, then of its limits the one that lasts longest. Without any it serves.
 */
export function statusesFrom(from: number, holdings: KeyConditions): KeyStatus[] {
  const { state, limits } = holdings;
  const ends = [state, ...limits].flatMap((each) => [each.from, each.until ?? from]);
  const moments = [...new Set([from, ...ends.filter((at) => at > from)])].sort((a, b) => a - b);
  const standings: KeyStatus[] = [];
  for (const at of moments) {
    const { kind, why } = standingAt(at, holdings);
    const last = standings.at(-1);
    if (last?.kind !== kind || last.why !== why) standings.push({ kind, why, from: at });
  }
  return standings;
}

function standingAt(
  at: number,
  { state, contact, limits }: KeyConditions,
): Pick<StatusPeriod, 'kind' | 'why'> {
  const end = ({ until }: StatusPeriod) => until ?? Infinity;
  if (contact?.kind === 'refused' && state.kind !== 'disabled') return contact;
  if (state.kind !== 'serving' && end(state) > at) return state;
  if (contact !== null) return contact;
  const inForce = limits.filter((limit) => limit.from <= at && end(limit) > at);
  const [longest] = inForce.toSorted((a, b) => end(b) - end(a));
  return longest ?? { kind: 'serving', why: '' };
}
