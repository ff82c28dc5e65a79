import type { ModelPool } from '@openrouter-proxy/kms-protocol';
import { reasonInWords } from '@openrouter-proxy/kms-protocol/words';
import { subjectWords } from '../limits/effect-words.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import type { Subject } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import { poolOf, type RequestPool } from '../limits/model-pool.ts';

/** Something that keeps a key from serving a model. */
export interface Blocker {
  /** What happened: an outcome's name, `operator`, or `expired`. */
  readonly reason: string;
  /** In a few words: `cooling, rate limited`. */
  readonly why: string;
  /** What was said about it, by OpenRouter or an operator. */
  readonly detail: string;
  /** Null: until somebody intervenes. */
  readonly until: number | null;
}

/** What obstacles are read from. */
export interface BlockerDeps {
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
}

/** What a key is to serve. */
export interface Purpose {
  readonly pool: RequestPool;
  /** Null: whichever of the pool. */
  readonly model: string | null;
}

/** The purpose of a request for a model. */
export const purposeOf = (model: string | null): Purpose => ({ pool: poolOf(model), model });

/** Everything known that keeps a key from its purpose, what is its own first. */
export function blockersOf(
  parts: BlockerDeps,
  key: PoolKey,
  purpose: Purpose,
  now: number,
): Blocker[] {
  return [...ownObstacles(parts.records, key, now), ...sharedObstacles(parts, key, purpose, now)];
}

/** Why no key can serve, if the first obstacle of every key has the same reason. */
export function commonReason(
  parts: BlockerDeps,
  keys: readonly PoolKey[],
  purpose: Purpose,
  now: number,
): string | undefined {
  const reasons = new Set(keys.map((key) => blockersOf(parts, key, purpose, now)[0]?.reason));
  return reasons.size === 1 ? [...reasons][0] : undefined;
}

function ownObstacles(records: KeyRecords, key: PoolKey, now: number): Blocker[] {
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

function sharedObstacles(
  { records, limits }: BlockerDeps,
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

/** A refused key is only asked about again at the end of its time: what helps is another key, not waiting. */
const endOf = (reason: string, until: number) => (reason === 'unauthorized' ? null : until);

/** Whatever a limit on it would concern the request. */
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
