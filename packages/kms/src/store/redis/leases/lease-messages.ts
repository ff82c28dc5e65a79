import type { Candidate, Window } from '../../state-store.ts';

/** A request for a lease on the first of some candidates that has room. */
export interface ReserveAsked {
  readonly candidates: readonly Candidate[];
  readonly ttlMs: number;
}

/** The candidate that was taken, and the full windows of others. */
export interface ReserveAnswer {
  /** The index of the candidate; -1 if none had room. */
  readonly taken: number;
  /** The number of leases of the whole pool in its first slot. */
  readonly inSlot: number;
  /** The counts of its windows, for the whole pool. */
  readonly used: readonly number[];
  readonly full: readonly (readonly [candidate: number, window: number])[];
}

/** The part of a lease that Redis knows. */
export interface LeaseEntry {
  readonly leaseId: string;
  readonly slotIds: readonly string[];
  readonly expiresAt: number;
  /** Given by an earlier process or another machine: only Redis knows whether it was released. */
  readonly isForeign: boolean;
}

/** A lease that leaves slots. */
export interface LeaveAsked extends Pick<LeaseEntry, 'leaseId' | 'slotIds' | 'isForeign'> {
  /** The windows that get their room back. */
  readonly windows: readonly Window[];
}

/** The answer to a lease that leaves slots. */
export interface LeaveAnswer {
  readonly isFirst: boolean;
  readonly inSlot: number;
}

/** Raises the count of a window to at least `least`, then adds `more`. */
export interface CountAsked {
  readonly window: Window;
  readonly least: number;
  readonly more: number;
}

/** The form of the answer of the RESERVE script. */
export type RawReserved = [taken: number, inSlot: number, used: number[], full: number[]];

/** Reads the answer of the RESERVE script. */
export const answerOf = ([taken, inSlot, used, full]: RawReserved): ReserveAnswer => ({
  taken: taken - 1,
  inSlot,
  used,
  full: pairs(full),
});

/** Pairs of indexes, which count from one in Lua. */
function pairs(flat: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (let at = 0; at < flat.length; at += 2) {
    found.push([(flat[at] ?? 0) - 1, (flat[at + 1] ?? 0) - 1]);
  }
  return found;
}
