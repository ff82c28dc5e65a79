import type { KeyState } from '@openrouter-proxy/kms-protocol';
import type { KeyRecord, KeyTraits } from '../../../keys/key-record.ts';
import type { Limit } from '../../../limits/limit.ts';

/** The state with the higher weight wins a merge. */
const WEIGHT: Record<KeyState['kind'], number> = {
  available: 0,
  returning: 1,
  cooling: 2,
  disabled: 3,
};

/**
 * Merges two records of a key that were changed independently. The later command of an operator
 * wins. Without one, disabled wins, then the longest cooldown. Commutative, associative and
 * idempotent: neither order nor repetition matters.
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

/** Merges two limits of one subject: the one that ends last. */
export function mergeLimits(a: Limit, b: Limit): Limit {
  if (a.until !== b.until) return a.until > b.until ? a : b;
  return JSON.stringify(a) >= JSON.stringify(b) ? a : b;
}

/** Merges two allowances of an account: the smaller figure of each window. */
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

/**
 * Merges metadata: what one side lacks comes from the other; where both differ, the stricter value.
 */
const mergeTraits = (a: KeyTraits, b: KeyTraits): KeyTraits => ({
  limitRemaining: sooner(a.limitRemaining, b.limitRemaining),
  limitReset: either(a.limitReset, b.limitReset),
  expiresAt: sooner(a.expiresAt, b.expiresAt),
  account: either(a.account, b.account),
  isManagement: a.isManagement || b.isManagement,
});
