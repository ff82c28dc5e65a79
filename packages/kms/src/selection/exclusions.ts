import type { LeftOut } from '@openrouter-proxy/kms-protocol';
import type { Eligible, KeysAndLimits } from './eligibility.ts';
import type { PoolKey } from '../keys/key-records.ts';
import type { Choices } from '../accounting/ledger.ts';
import { blockersOf, purposeOf, type Purpose } from './blockers.ts';

/** Further excluded keys are only counted. */
const MAX_NAMED = 16;

/** The parts of a request that exclude keys. */
interface Excluding {
  readonly model: string | null;
  /** Keys it has tried. */
  readonly exclude: readonly string[];
}

/** Lists the keys that a request cannot choose, and why. The part that all requests share is computed once. */
export class Exclusions {
  readonly #deps: KeysAndLimits;
  readonly #known = new WeakMap<Eligible, readonly LeftOut[]>();

  constructor(deps: KeysAndLimits) {
    this.#deps = deps;
  }

  /** The number of candidates for a request, and the excluded keys. */
  choices(eligible: Eligible, wanted: Excluding, now: number): Choices {
    const { keys } = this.#deps;
    const blocked = this.#blocked(eligible, now);
    const own = this.#own(eligible, wanted, now);
    return {
      candidates: eligible.usable.length - own.length,
      leftOut: own.length === 0 ? blocked : [...own, ...blocked],
      leftOutCount: keys.length - eligible.usable.length + own.length,
    };
  }

  /** Keys that can serve no request of this pool of models. */
  #blocked(eligible: Eligible, now: number): readonly LeftOut[] {
    const known = this.#known.get(eligible);
    if (known !== undefined) return known;
    const { keys } = this.#deps;
    const usable = new Set(eligible.usable);
    const named: LeftOut[] = [];
    for (const key of keys) {
      if (named.length === MAX_NAMED) break;
      if (usable.has(key.position)) continue;
      named.push(this.#leftOut(key, { pool: eligible.pool, model: null }, now));
    }
    this.#known.set(eligible, named);
    return named;
  }

  /** Keys that could serve other requests, but not this one. */
  #own(eligible: Eligible, { model, exclude }: Excluding, now: number): LeftOut[] {
    const { keys, limits } = this.#deps;
    const isLimited = model !== null && limits.concernsModel(model);
    if (exclude.length === 0 && !isLimited) return [];
    const tried = new Set(exclude);
    const purpose = purposeOf(model);
    return eligible.usable.flatMap((position) => {
      const key = keys[position];
      if (key === undefined) return [];
      if (tried.has(key.id)) return [{ keyName: key.name, why: 'tried', until: null }];
      const isFree = !isLimited || blockersOf(this.#deps, key, purpose, now).length === 0;
      return isFree ? [] : [this.#leftOut(key, purpose, now)];
    });
  }

  #leftOut(key: PoolKey, purpose: Purpose, now: number): LeftOut {
    const [blocker] = blockersOf(this.#deps, key, purpose, now);
    return {
      keyName: key.name,
      why: blocker?.why.slice(0, 100) ?? 'not eligible',
      until: blocker?.until ?? null,
    };
  }
}
