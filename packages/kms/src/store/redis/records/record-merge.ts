import type { KeyState } from '@openrouter-proxy/kms-protocol';
import type { KeyRecord, KeyTraits } from '../../../keys/key-record.ts';
import type { Limit } from '../../../limits/limit.ts';

/** Which state counts for more where two machines did not know of each other's. */
const WEIGHT: Record<KeyState['kind'], number> = {
  available: 0,
  returning: 1,
  cooling: 2,
  disabled: 3,
};

/**
 * What two machines know of a key that did not know of each other: the later command of an operator wins;
 * without one, a key that is disabled on one side is disabled, and the cooldown that ends last counts.
 * Commutative, associative and idempotent, so that neither order nor repetition matters.
 */
export function mergeRecords(a: KeyRecord, b: KeyRecord): KeyRecord {
  const [first, second] = a.generation >= b.generation ? [a, b] : [b, a];
  const traits = mergeTraits(a.traits, b.traits);
  if (first.generation > second.generation) return { ...first, traits };
  return {
    state: isStronger(first.state, second.state) ? first.state : second.state,
    generation: first.generation,
    strikeUntil: later(first.strikeUntil, second.strikeUntil),
    traits,
  };
}

/** Two limits on one thing: the one that ends last. */
export function mergeLimits(a: Limit, b: Limit): Limit {
  if (a.until !== b.until) return a.until > b.until ? a : b;
  return JSON.stringify(a) >= JSON.stringify(b) ? a : b;
}

/** What an account may do, learnt twice: the smaller figure of each window is the safe one. */
export function mergeAllowances(a: Allowance, b: Allowance): Allowance {
  const windows = [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted();
  return Object.fromEntries(
    windows.map((window) => [window, Math.min(a[window] ?? Infinity, b[window] ?? Infinity)]),
  );
}

type Allowance = Readonly<Record<string, number>>;

function isStronger(a: KeyState, b: KeyState): boolean {
  if (a.kind !== b.kind) return WEIGHT[a.kind] > WEIGHT[b.kind];
  if (a.kind === 'cooling' && b.kind === 'cooling' && a.until !== b.until) return a.until > b.until;
  if (a.since !== b.since) return a.since > b.since;
  return JSON.stringify(a) >= JSON.stringify(b);
}

const later = (a: number | null, b: number | null) =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);

const sooner = (a: number | null, b: number | null) =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

const either = <T extends string>(a: T | null, b: T | null) =>
  a === null || b === null ? (a ?? b) : a > b ? a : b;

/** What only one side knows is kept; where both know, what promises less. */
const mergeTraits = (a: KeyTraits, b: KeyTraits): KeyTraits => ({
  limitRemaining: sooner(a.limitRemaining, b.limitRemaining),
  limitReset: either(a.limitReset, b.limitReset),
  expiresAt: sooner(a.expiresAt, b.expiresAt),
  account: either(a.account, b.account),
  isManagement: a.isManagement || b.isManagement,
});
