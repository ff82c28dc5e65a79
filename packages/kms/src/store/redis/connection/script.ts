import { createHash } from 'node:crypto';

/** A Lua script and its SHA-1 digest. */
export interface Script {
  readonly source: string;
  readonly digest: string;
}

/** Adds the digest to a script. */
export function script(source: string): Script {
  return { source, digest: createHash('sha1').update(source).digest('hex') };
}

/** Collects the arguments of a script. Each key is passed once, and referred to by its index. */
export class ScriptArguments {
  readonly keys: string[] = [];
  readonly values: (string | number)[] = [];
  readonly #places = new Map<string, number>();

  /** `keys` have fixed indexes: the first ones. */
  constructor(...keys: string[]) {
    for (const key of keys) this.#place(key);
  }

  /** Adds values. */
  add(...values: (string | number)[]): this {
    this.values.push(...values);
    return this;
  }

  /** Adds the index of a key; 0 for none. */
  addKey(key: string | null): this {
    this.values.push(key === null ? 0 : this.#place(key));
    return this;
  }

  #place(key: string): number {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = this.keys.push(key);
    this.#places.set(key, place);
    return place;
  }
}

/** Runs a script. Rejects with StateUnavailable. */
export type Run = (script: Script, values: ScriptArguments) => Promise<unknown>;
