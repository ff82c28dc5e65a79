import type { KeySpan } from '@openrouter-proxy/kms-protocol';

/** A key's own state, or a limit on it, with the time for which it holds. */
export interface Holding {
  readonly kind: KeySpan['kind'];
  readonly from: number;
  /** When it ends by itself; null: not by itself. */
  readonly until: number | null;
  readonly why: string;
}

/** How a key stands from a moment on. */
export type Standing = Omit<Holding, 'until'>;

/**
 * How a key stands from a moment on until nothing changes by itself any more: its own state comes
 * before its limits, of its limits the one that lasts longest, and without either it serves.
 */
export function standingsFrom(
  from: number,
  state: Holding,
  limits: readonly Holding[],
): Standing[] {
  const ends = [state, ...limits].flatMap((each) => [each.from, each.until ?? from]);
  const moments = [...new Set([from, ...ends.filter((at) => at > from)])].sort((a, b) => a - b);
  const standings: Standing[] = [];
  for (const at of moments) {
    const { kind, why } = standingAt(at, state, limits);
    const last = standings.at(-1);
    if (last?.kind !== kind || last.why !== why) standings.push({ kind, why, from: at });
  }
  return standings;
}

function standingAt(
  at: number,
  state: Holding,
  limits: readonly Holding[],
): Pick<Holding, 'kind' | 'why'> {
  const end = ({ until }: Holding) => until ?? Infinity;
  if (state.kind !== 'serving' && end(state) > at) return state;
  const inForce = limits.filter((limit) => limit.from <= at && end(limit) > at);
  const [longest] = inForce.toSorted((a, b) => end(b) - end(a));
  return longest ?? { kind: 'serving', why: '' };
}
