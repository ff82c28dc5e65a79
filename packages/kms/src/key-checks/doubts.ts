import { MINUTE_MS } from '@openrouter-proxy/runtime';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import type { AllocationRequest } from '../leasing/allocation.ts';
import { isGuess, isOwnCount, type Subject } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';

/* Guesses about a key that a key check (`GET /key`) can replace by facts. */

/** The shortest remaining limit that is worth a key check before a client is refused. */
const WORTH_MS = MINUTE_MS;

/** The keys, their records, and the limits on them. */
export interface PoolKnowledge {
  readonly settings: { readonly keys: readonly PoolKey[] };
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
}

/** Whether a key is kept from serving by a guess. */
export function isGuessed({ records, limits }: PoolKnowledge, key: PoolKey, now: number): boolean {
  const { state } = records.of(key, now);
  if (state.kind === 'cooling') return isGuess(state.cause);
  const account = records.accountOf(key);
  const limit = limits.on({ scope: 'account', account, pool: 'free' }, now);
  if (limit !== undefined && isGuess(limit.cause)) return true;
  return guessedCredits({ records, limits }, key, now).length > 0;
}

/** The limits for lack of credits on the key's account whose end is a guess. */
export function guessedCredits(
  { records, limits }: Pick<PoolKnowledge, 'records' | 'limits'>,
  key: PoolKey,
  now: number,
): Subject[] {
  const account = records.accountOf(key);
  const subjects: Subject[] = (['all', 'paid'] as const).map((pool) => ({
    ...{ scope: 'account', account, pool },
  }));
  return subjects.filter((subject) => {
    const cause = limits.on(subject, now)?.cause;
    return cause?.reason === 'credits_exhausted' && isGuess(cause);
  });
}

/**
 * Whether this service's own count, which may be too high, has used up the account's free requests
 * of the day.
 */
export function isCountedFull(
  { records, limits }: PoolKnowledge,
  key: PoolKey,
  now: number,
): boolean {
  const account = records.accountOf(key);
  const limit = limits.on({ scope: 'account', account, pool: 'free' }, now);
  return limit !== undefined && isOwnCount(limit.cause) && limit.until - now > WORTH_MS;
}

/**
 * The keys of unknown account that may share the account of a key that was just refused. Empty if a
 * check cannot find out more.
 */
export function possibleSharers(
  known: PoolKnowledge,
  request: AllocationRequest,
  now: number,
): PoolKey[] {
  const { settings, records } = known;
  const tried = new Set(request.exclude);
  const isUnknown = (key: PoolKey) =>
    key.account === null && records.of(key, now).traits.account === null;
  const unknown = settings.keys.filter(isUnknown);
  const refused = unknown.filter(
    (key) => tried.has(key.id) && isRefusedByAccount(known, key, request, now),
  );
  const others = unknown.filter((key) => !tried.has(key.id));
  return refused.length === 0 || others.length === 0 ? [] : [...refused, ...others];
}

/** Whether the refusal of a request concerns every key of the key's account. */
function isRefusedByAccount(
  { records, limits }: PoolKnowledge,
  key: PoolKey,
  { model, excludeAccountsOf }: AllocationRequest,
  now: number,
): boolean {
  if (excludeAccountsOf.includes(key.id)) return true;
  const account = records.accountOf(key);
  const subjects: Subject[] = (['all', 'free', 'paid'] as const).map((pool) => ({
    ...{ scope: 'account', account, pool },
  }));
  if (model !== null) subjects.push({ scope: 'account-model', account, model });
  return subjects.some((subject) => limits.on(subject, now) !== undefined);
}
