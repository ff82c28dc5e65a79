import type { KeySpan } from '@openrouter-proxy/kms-protocol';

/** A period of a key's state, or of a limit on it. */
export interface StatusPeriod {
  readonly kind: KeySpan['kind'];
  readonly from: number;
  /** When it ends by itself; null if it does not. */
  readonly until: number | null;
  readonly why: string;
}

/** The status of a key from a moment on. */
export type KeyStatus = Omit<StatusPeriod, 'until'>;

/** The conditions that decide a key's status. */
export interface KeyConditions {
  readonly state: StatusPeriod;
  /** The last contact's verdict against the key, or against every key; null if there is none. */
  readonly contact: StatusPeriod | null;
  readonly limits: readonly StatusPeriod[];
}

/**
 * The statuses of a key from a moment on, until nothing changes by itself any more. The order of
 * precedence: disabled, rejected by OpenRouter, the key's own state, OpenRouter unreachable, the
 * longest limit. Without any of these it serves.
 */
export function statusesFrom(from: number, holdings: KeyConditions): KeyStatus[] {
  const { state, limits } = holdings;
  const ends = [state, ...limits].flatMap((each) => [each.from, each.until ?? from]);
  const moments = [...new Set([from, ...ends.filter((at) => at > from)])].sort((a, b) => a - b);
  const statuses: KeyStatus[] = [];
  for (const at of moments) {
    const { kind, why } = statusAt(at, holdings);
    const last = statuses.at(-1);
    if (last?.kind !== kind || last.why !== why) statuses.push({ kind, why, from: at });
  }
  return statuses;
}

function statusAt(
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
