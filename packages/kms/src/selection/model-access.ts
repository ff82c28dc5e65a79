import type { NoKeyData } from '@openrouter-proxy/kms-protocol';
import type { PoolKey } from '../keys/key-records.ts';
import type { Limit } from '../limits/limit.ts';
import type { KeysAndLimits } from './eligibility.ts';

/** A request is not tried on further keys once its model is rate limited on this many. */
const LIMITED_KEYS = 3;
const RATE_LIMITS: readonly string[] = ['rate_limited', 'model_throttled'];

/** The model of a request, and the keys it has tried. */
export interface TriedKeys {
  readonly model: string | null;
  readonly exclude: readonly string[];
  /** Tried keys whose account refused the request. */
  readonly excludeAccountsOf: readonly string[];
}

/** Decides which keys may serve one model, by limits of the model and by accounts' settings. */
export class ModelAccess {
  readonly #deps: KeysAndLimits;

  constructor(deps: KeysAndLimits) {
    this.#deps = deps;
  }

  /** The end of a limit of the model on this key or its account; 0 if there is none. */
  limitEnd(key: PoolKey, model: string | null, now: number): number {
    const { limits } = this.#deps;
    if (model === null || !limits.concernsModel(model)) return 0;
    const onKey = limits.on({ scope: 'key-model', keyId: key.id, model }, now);
    const onAccount = this.#accountLimit(key, model, now);
    const throttled = isPolicy(onAccount) ? 0 : (onAccount?.until ?? 0);
    return Math.max(onKey?.until ?? 0, throttled);
  }

  /** Whether the settings of the key's account are known to exclude the model. */
  isExcludedByAccount(key: PoolKey, model: string | null, now: number): boolean {
    if (model === null || !this.#deps.limits.concernsModel(model)) return false;
    return isPolicy(this.#accountLimit(key, model, now));
  }

  /**
   * Returns a check for keys of the accounts that refused the request. After a refusal by account
   * settings, it also matches the keys of every account known to exclude the model.
   */
  refusing(
    { model, excludeAccountsOf }: Omit<TriedKeys, 'exclude'>,
    now: number,
  ): (key: PoolKey) => boolean {
    if (excludeAccountsOf.length === 0) return () => false;
    const { keys, records } = this.#deps;
    const ids = new Set(excludeAccountsOf);
    const refusing = keys.filter(({ id }) => ids.has(id));
    const accounts = new Set(refusing.map((key) => records.accountOf(key)));
    const byPolicy = refusing.some((key) => this.isExcludedByAccount(key, model, now));
    return (key) =>
      accounts.has(records.accountOf(key)) ||
      (byPolicy && this.isExcludedByAccount(key, model, now));
  }

  /** The refusal of a request whose model was rate limited on several keys; undefined if it may be tried on more. */
  refusal(
    { model, exclude }: Omit<TriedKeys, 'excludeAccountsOf'>,
    now: number,
  ): NoKeyData | undefined {
    const { limits, keys } = this.#deps;
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
    const { limits, records } = this.#deps;
    return limits.on({ scope: 'account-model', account: records.accountOf(key), model }, now);
  }
}

const isPolicy = (limit: Limit | undefined) => limit?.cause.reason === 'account_policy';
