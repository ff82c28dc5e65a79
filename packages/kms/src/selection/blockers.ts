import type { ModelPool } from '@openrouter-proxy/kms-protocol';
import { reasonInWords } from '@openrouter-proxy/kms-protocol/words';
import { subjectWords } from '../limits/effect-words.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import type { Subject } from '../limits/limit.ts';
import { poolOf, type RequestPool } from '../limits/model-pool.ts';
import type { KeysAndLimits } from './eligibility.ts';

/** Something that keeps a key from serving a model. */
export interface Blocker {
  /** The name of an outcome, `operator`, or `expired`. */
  readonly reason: string;
  /** For a person: `cooling, rate limited`. */
  readonly why: string;
  /** The words of OpenRouter or of an operator. */
  readonly detail: string;
  /** When it ends; null if only a person can end it. */
  readonly until: number | null;
}

/** The use of a key: a pool of models, or one model of it. */
export interface Purpose {
  readonly pool: RequestPool;
  /** Null: any model of the pool. */
  readonly model: string | null;
}

/** The purpose of a request for a model. */
export const purposeOf = (model: string | null): Purpose => ({ pool: poolOf(model), model });

/** Everything that keeps a key from serving, its own state first. */
export function blockersOf(
  deps: Pick<KeysAndLimits, 'records' | 'limits'>,
  key: PoolKey,
  purpose: Purpose,
  now: number,
): Blocker[] {
  return [...ownBlockers(deps.records, key, now), ...sharedBlockers(deps, key, purpose, now)];
}

/** The reason why no key can serve, if the first blocker of every key has the same one. */
export function commonReason(
  deps: Pick<KeysAndLimits, 'records' | 'limits'>,
  keys: readonly PoolKey[],
  purpose: Purpose,
  now: number,
): string | undefined {
  const reasons = new Set(keys.map((key) => blockersOf(deps, key, purpose, now)[0]?.reason));
  return reasons.size === 1 ? [...reasons][0] : undefined;
}

function ownBlockers(records: KeyRecords, key: PoolKey, now: number): Blocker[] {
  const { state, traits } = records.of(key, now);
  const own: Blocker[] = [];
  if (state.kind === 'disabled' || state.kind === 'cooling') {
    const { reason, detail } = state.cause;
    const until = state.kind === 'cooling' ? endOf(reason, state.until) : null;
    own.push({ reason, why: `${state.kind}, ${reasonInWords(reason)}`, detail, until });
  }
  if ((traits.expiresAt ?? Infinity) <= now)
    own.push({ reason: 'expired', why: 'expired', detail: '', until: null });
  return own;
}

function sharedBlockers(
  { records, limits }: Pick<KeysAndLimits, 'records' | 'limits'>,
  key: PoolKey,
  purpose: Purpose,
  now: number,
): Blocker[] {
  return subjectsOf(records.accountOf(key), key.id, purpose).flatMap((subject) => {
    const limit = limits.on(subject, now);
    if (limit === undefined) return [];
    const { reason, detail } = limit.cause;
    const why = `${subjectWords(subject)}, ${reasonInWords(reason)}`;
    return [{ reason, why, detail, until: endOf(reason, limit.until) }];
  });
}

/** Waiting does not help a rejected key: it is only checked again at the end of its cooldown. */
const endOf = (reason: string, until: number) => (reason === 'unauthorized' ? null : until);

/** The subjects whose limits concern a request. */
function subjectsOf(account: string, keyId: string, { pool, model }: Purpose): Subject[] {
  const pools: ModelPool[] = ['all', pool];
  const ofAccount = pools.map((each): Subject => ({ scope: 'account', account, pool: each }));
  const ofModel: Subject[] =
    model === null
      ? []
      : [
          { scope: 'key-model', keyId, model },
          { scope: 'account-model', account, model },
          { scope: 'model', model },
        ];
  return [...ofAccount, ...ofModel, { scope: 'upstream' }];
}
