import type { NoKeyData } from '@openrouter-proxy/kms-protocol';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import type { AllocationRequest } from './allocation.ts';
import type { Limit } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';

/** A request whose model is rate limited on as many keys is not tried on others. */
const LIMITED_KEYS = 3;
const RATE_LIMITS: readonly string[] = ['rate_limited', 'model_throttled'];

/** What access to models is read from. */
export interface ModelAccessDeps {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
}

/** Tells which keys may be asked for one model: limits of a model on a key or account, and accounts' settings. */
export class ModelAccess {
  readonly #parts: ModelAccessDeps;

  constructor(parts: ModelAccessDeps) {
    this.#parts = parts;
  }

  /** Until when a model is limited on this key, or on its account; 0: it is not. */
  limitEnd(key: PoolKey, model: string | null, now: number): number {
    const { limits } = this.#parts;
    if (model === null || !limits.concernsModel(model)) return 0;
    const onKey = limits.on({ scope: 'key-model', keyId: key.id, model }, now);
    const onAccount = this.#accountLimit(key, model, now);
    const throttled = isPolicy(onAccount) ? 0 : (onAccount?.until ?? 0);
    return Math.max(onKey?.until ?? 0, throttled);
  }

  /** Whether the settings of the key's account are known to shut the model out. */
  isShutOut(key: PoolKey, model: string | null, now: number): boolean {
    if (model === null || !this.#parts.limits.concernsModel(model)) return false;
    return isPolicy(this.#accountLimit(key, model, now));
  }

  /**
   * Tells which keys belong to an account that refused the request. Once a policy has refused it, these
   * are the keys of every account that is known to shut the model out.
   */
  refusing(
    { model, excludeAccountsOf }: Pick<AllocationRequest, 'model' | 'excludeAccountsOf'>,
    now: number,
  ): (key: PoolKey) => boolean {
    if (excludeAccountsOf.length === 0) return () => false;
    const { keys, records } = this.#parts;
    const ids = new Set(excludeAccountsOf);
    const refusing = keys.filter(({ id }) => ids.has(id));
    const accounts = new Set(refusing.map((key) => records.accountOf(key)));
    const byPolicy = refusing.some((key) => this.isShutOut(key, model, now));
    return (key) =>
      accounts.has(records.accountOf(key)) || (byPolicy && this.isShutOut(key, model, now));
  }

  /** Why a request need not be tried on further keys: its model was rate limited on several. Undefined: it may be. */
  refusal(
    { model, exclude }: Pick<AllocationRequest, 'model' | 'exclude'>,
    now: number,
  ): NoKeyData | undefined {
    const { limits, keys } = this.#parts;
    if (model === null || exclude.length < LIMITED_KEYS || !limits.concernsModel(model)) return;
    const ends = keys.flatMap((key) => {
      if (!exclude.includes(key.id)) return [];
      const onKey = limits.on({ scope: 'key-model', keyId: key.id, model }, now);
      const limit = onKey ?? this.#accountLimit(key, model, now);
      return limit !== undefined && RATE_LIMITS.includes(limit.cause.reason) ? [limit.until] : [];
    });
    if (ends.length < LIMITED_KEYS) return;
    return { reason: 'model_limited', retryAfterMs: Math.min(...ends) - now };
  }

  #accountLimit(key: PoolKey, model: string, now: number): Limit | undefined {
    const { limits, records } = this.#parts;
    return limits.on({ scope: 'account-model', account: records.accountOf(key), model }, now);
  }
}

const isPolicy = (limit: Limit | undefined) => limit?.cause.reason === 'account_policy';
