import type { ModelPool } from '@openrouter-proxy/kms-protocol';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import type { Limit } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import type { RequestPool } from '../limits/model-pool.ts';

/** Which keys can serve a pool of models. It holds until a state or a limit changes, or `nextChange` has come. */
export interface Eligible {
  readonly pool: RequestPool;
  /** The positions of the keys that can, ascending. */
  readonly usable: readonly number[];
}

interface Computed extends Eligible {
  readonly at: number;
  readonly nextChange: number;
  readonly records: number;
  readonly limits: number;
}

/** What eligibility is computed from. */
export interface EligibilityDeps {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
}

/** Tells which keys can serve, from their own states and their accounts' limits; computed on change. */
export class Eligibility {
  readonly #parts: EligibilityDeps;
  readonly #computed = new Map<RequestPool, Computed>();

  constructor(parts: EligibilityDeps) {
    this.#parts = parts;
  }

  /** The same object for as long as nothing has changed. */
  of(pool: RequestPool, now: number): Eligible {
    const { records, limits } = this.#parts;
    records.settle(now);
    const known = this.#computed.get(pool);
    const isCurrent =
      known?.records === records.version &&
      known.limits === limits.version &&
      now >= known.at &&
      now < known.nextChange;
    return isCurrent ? known : this.#compute(pool, now);
  }

  /** Until when a key cannot serve a pool; 0: it can; Infinity: for as long as nobody intervenes. */
  blockedUntil(key: PoolKey, pool: RequestPool, now: number): number {
    const { records } = this.#parts;
    const { state, traits } = records.of(key, now);
    if (state.kind === 'disabled' || (traits.expiresAt ?? Infinity) <= now) return Infinity;
    const own = state.kind === 'cooling' ? state.until : 0;
    return Math.max(own, this.accountLimit(key, pool, now)?.until ?? 0);
  }

  /** The limit of a key's account that lasts longest. */
  accountLimit(key: PoolKey, pool: RequestPool, now: number): Limit | undefined {
    const { records, limits } = this.#parts;
    const account = records.accountOf(key);
    const on = (named: ModelPool) => limits.on({ scope: 'account', account, pool: named }, now);
    const [all, own] = [on('all'), on(pool)];
    return (all?.until ?? 0) > (own?.until ?? 0) ? all : own;
  }

  #compute(pool: RequestPool, now: number): Computed {
    const { keys, records, limits } = this.#parts;
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
