import type { LeftOut } from '@openrouter-proxy/kms-protocol';
import type { Eligible } from './eligibility.ts';
import type { PoolKey } from '../keys/key-records.ts';
import type { Choices } from '../accounting/ledger.ts';
import { blockersOf, purposeOf, type BlockerDeps, type Purpose } from './blockers.ts';

/** As many are named; the others are counted. */
const MAX_NAMED = 16;

/** What of a request leaves keys out. */
interface Wanted {
  readonly model: string | null;
  /** Keys it has tried. */
  readonly exclude: readonly string[];
}

/** Tells which keys could not be chosen, and why. What all requests have in common is put together once. */
export class Exclusions {
  readonly #parts: BlockerDeps & { readonly keys: readonly PoolKey[] };
  readonly #known = new WeakMap<Eligible, readonly LeftOut[]>();

  constructor(parts: BlockerDeps & { readonly keys: readonly PoolKey[] }) {
    this.#parts = parts;
  }

  /** What a request's key is chosen from. */
  choices(eligible: Eligible, wanted: Wanted, now: number): Choices {
    const { keys } = this.#parts;
    const unable = this.#unable(eligible, now);
    const own = this.#own(eligible, wanted, now);
    return {
      candidates: eligible.usable.length - own.length,
      leftOut: own.length === 0 ? unable : [...own, ...unable],
      leftOutCount: keys.length - eligible.usable.length + own.length,
    };
  }

  /** The keys that no request of this pool of models can have. */
  #unable(eligible: Eligible, now: number): readonly LeftOut[] {
    const known = this.#known.get(eligible);
    if (known !== undefined) return known;
    const { keys } = this.#parts;
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

  /** The keys that could serve others, though not this request. */
  #own(eligible: Eligible, { model, exclude }: Wanted, now: number): LeftOut[] {
    const { keys, limits } = this.#parts;
    const isLimited = model !== null && limits.concernsModel(model);
    if (exclude.length === 0 && !isLimited) return [];
    const tried = new Set(exclude);
    const purpose = purposeOf(model);
    return eligible.usable.flatMap((position) => {
      const key = keys[position];
      if (key === undefined) return [];
      if (tried.has(key.id)) return [{ keyName: key.name, why: 'tried', until: null }];
      const isFree = !isLimited || blockersOf(this.#parts, key, purpose, now).length === 0;
      return isFree ? [] : [this.#leftOut(key, purpose, now)];
    });
  }

  #leftOut(key: PoolKey, purpose: Purpose, now: number): LeftOut {
    const [obstacle] = blockersOf(this.#parts, key, purpose, now);
    return {
      keyName: key.name,
      why: obstacle?.why.slice(0, 100) ?? 'not eligible',
      until: obstacle?.until ?? null,
    };
  }
}
