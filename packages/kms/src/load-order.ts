/**
 * The usable keys by their number of leases, ascending; among equals the one that has rested longest
 * comes first. Keys stand in buckets, one for each number, so that no change costs a scan.
 */
export class LoadOrder implements Iterable<number> {
  readonly #loads: number[] = [];
  readonly #buckets: Set<number>[] = [];
  #members = new Set<number>();
  /** No bucket below this one holds a key. */
  #lowest = 0;

  /** Says how many leases a key has now. */
  setLoad(key: number, load: number): void {
    if (this.#members.has(key)) this.#bucket(this.#loads[key]).delete(key);
    this.#loads[key] = load;
    if (this.#members.has(key)) this.#add(key);
  }

  /** Says which keys are usable now; those that stay keep their place. */
  keep(usable: readonly number[]): void {
    const left = this.#members;
    this.#members = new Set(usable);
    for (const key of usable) if (!left.delete(key)) this.#add(key);
    for (const key of left) this.#bucket(this.#loads[key]).delete(key);
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    while (this.#lowest < this.#buckets.length && this.#buckets[this.#lowest]?.size === 0) {
      this.#lowest += 1;
    }
    for (let load = this.#lowest; load < this.#buckets.length; load += 1) {
      yield* this.#bucket(load);
    }
  }

  #add(key: number): void {
    const load = this.#loads[key] ?? 0;
    this.#bucket(load).add(key);
    this.#lowest = Math.min(this.#lowest, load);
  }

  #bucket(load = 0): Set<number> {
    while (this.#buckets.length <= load) this.#buckets.push(new Set());
    return this.#buckets[load] ?? new Set();
  }
}
