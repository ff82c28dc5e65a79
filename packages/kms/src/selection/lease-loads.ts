import type { PoolKey } from '../keys/key-records.ts';

/** The number of leases of each key, by the key's position. */
export interface KeyLoads {
  readonly leases: readonly number[];
  /** Grows with each change: the lowest belongs to the key whose number changed least recently. */
  readonly changedAt: readonly number[];
}

/** Counts the leases of each key, as the store reports them. */
export class LeaseLoads {
  readonly #counts = new Map<string, number>();
  #positions: ReadonlyMap<string, number> = new Map();
  #leases: number[] = [];
  #changedAt: number[] = [];
  #changes = 0;

  /** Called by the store after each change of a slot. */
  readonly onInFlight = (slotId: string, count: number): void => {
    if (count === 0) this.#counts.delete(slotId);
    else this.#counts.set(slotId, count);
    const position = this.#positions.get(slotId);
    if (position === undefined) return;
    this.#leases[position] = count;
    this.#changedAt[position] = this.#changes += 1;
  };

  /** Counts for these keys from here on. The loads stay current until the next call. */
  of(keys: readonly PoolKey[]): KeyLoads {
    this.#positions = new Map(keys.map(({ id, position }) => [id, position]));
    this.#leases = keys.map(({ id }) => this.#counts.get(id) ?? 0);
    this.#changedAt = keys.map(() => 0);
    return { leases: this.#leases, changedAt: this.#changedAt };
  }
}
