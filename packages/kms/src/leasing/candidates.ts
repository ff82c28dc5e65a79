import { windowsAt, type Allowances } from '../accounts/accounts.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import { poolOf } from '../limits/model-pool.ts';
import { freeSlot, probeSlot } from '../store/slots.ts';
import type { Candidate, Slot, Window } from '../store/state-store.ts';
import { leaseIdOf } from './lease-id.ts';

/** Collaborators of candidates. */
export interface CandidateDeps {
  readonly records: KeyRecords;
  readonly allowances: Allowances;
}

/** A candidate for the store, and its key. */
export interface KeyCandidate extends Candidate {
  readonly key: PoolKey;
}

/** Builds the candidate of a key for a model (null: unknown): its lease id, and what must have room. */
export function candidateOf(
  deps: CandidateDeps,
  key: PoolKey,
  model: string | null,
  token: string,
  now: number,
): KeyCandidate {
  const { generation } = deps.records.of(key, now);
  const isFree = poolOf(model) === 'free';
  return {
    key,
    keyId: key.id,
    leaseId: leaseIdOf(key.id, generation, token),
    slots: slotsOf(deps, key, isFree, now),
    windows: isFree ? windowsOf(deps, key, now) : [],
  };
}

/** The key's own slot comes first: the store counts the leases of a key by it. */
function slotsOf({ records }: CandidateDeps, key: PoolKey, isFree: boolean, now: number): Slot[] {
  const slots: Slot[] = [{ id: key.id, limit: key.maxConcurrency }];
  const { state } = records.of(key, now);
  if (state.kind === 'returning') {
    slots.push({ id: probeSlot(key.id), limit: state.allowance, untilConfirmed: true });
  }
  if (isFree) slots.push({ id: freeSlot(records.accountOf(key)), limit: null });
  return slots;
}

function windowsOf({ records, allowances }: CandidateDeps, key: PoolKey, now: number): Window[] {
  const account = records.accountOf(key);
  return windowsAt(account, allowances.of(account), now);
}
