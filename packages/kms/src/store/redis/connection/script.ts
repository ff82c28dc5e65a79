import { createHash } from 'node:crypto';

/** A Lua script, and the digest Redis knows it by. */
export interface Script {
  readonly source: string;
  readonly digest: string;
}

/** Gives a script its digest. */
export function script(source: string): Script {
  return { source, digest: createHash('sha1').update(source).digest('hex') };
}

/** Collects what a script is called with: each key stands once, and is named by its place. */
export class ScriptArguments {
  readonly keys: string[] = [];
  readonly values: (string | number)[] = [];
  readonly #places = new Map<string, number>();

  /** `keys` have fixed places: the first ones. */
  constructor(...keys: string[]) {
    for (const key of keys) this.#place(key);
  }

  /** Adds values. */
  add(...values: (string | number)[]): this {
    this.values.push(...values);
    return this;
  }

  /** Adds the place of a key; 0: none. */
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
