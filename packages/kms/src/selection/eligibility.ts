import type { ModelPool } from '@openrouter-proxy/kms-protocol';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import type { Limit } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import type { RequestPool } from '../limits/model-pool.ts';

/** The keys that can serve a pool of models. Valid until a state or a limit changes, or `nextChange` passes. */
export interface Eligible {
  readonly pool: RequestPool;
  /** Positions of these keys, ascending. */
  readonly usable: readonly number[];
}

interface Computed extends Eligible {
  readonly at: number;
  readonly nextChange: number;
  readonly records: number;
  readonly limits: number;
}

/** The keys of a pool, their records, and the limits on them. */
export interface KeysAndLimits {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
}

/** Computes which keys can serve, from their states and their accounts' limits. Recomputes on change. */
export class Eligibility {
  readonly #deps: KeysAndLimits;
  readonly #computed = new Map<RequestPool, Computed>();

  constructor(deps: KeysAndLimits) {
    this.#deps = deps;
  }

  /** Returns the same object while nothing has changed. */
  of(pool: RequestPool, now: number): Eligible {
    const { records, limits } = this.#deps;
    records.settle(now);
    const known = this.#computed.get(pool);
    const isCurrent =
      known?.records === records.version &&
      known.limits === limits.version &&
      now >= known.at &&
      now < known.nextChange;
    return isCurrent ? known : this.#compute(pool, now);
  }

  /** The end of what keeps a key from serving a pool; 0 if nothing does, Infinity if only a person can end it. */
  blockedUntil(key: PoolKey, pool: RequestPool, now: number): number {
    const { records } = this.#deps;
    const { state, traits } = records.of(key, now);
    if (state.kind === 'disabled' || (traits.expiresAt ?? Infinity) <= now) return Infinity;
    const own = state.kind === 'cooling' ? state.until : 0;
    return Math.max(own, this.accountLimit(key, pool, now)?.until ?? 0);
  }

  /** The limit on a key's account that lasts longest. */
  accountLimit(key: PoolKey, pool: RequestPool, now: number): Limit | undefined {
    const { records, limits } = this.#deps;
    const account = records.accountOf(key);
    const on = (named: ModelPool) => limits.on({ scope: 'account', account, pool: named }, now);
    const [all, own] = [on('all'), on(pool)];
    return (all?.until ?? 0) > (own?.until ?? 0) ? all : own;
  }

  #compute(pool: RequestPool, now: number): Computed {
    const { keys, records, limits } = this.#deps;
    const usable: number[] = [];
    let nextChange = Infinity;
    for (const key of keys) {
      const until = this.blockedUntil(key, pool, now);
      const { expiresAt } = records.of(key, now).traits;
      if (until === 0) usable.push(key.position);
      nextChange = Math.min(nextChange, until === 0 ? (expiresAt ?? Infinity) : until);
    }
    const versions = { records: records.version, limits: limits.version };
    const computed = { pool, usable, at: now, nextChange, ...versions };
    this.#computed.set(pool, computed);
    return computed;
  }
}
