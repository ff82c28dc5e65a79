/** A key's place among those with as many leases, or the place where these begin and end. */
class Place {
  /** -1 where a ring begins. */
  readonly key: number;
  load = 0;
  isUsable = false;
  next: Place = this;
  #previous: Place = this;

  constructor(key: number) {
    this.key = key;
  }

  leave(): void {
    this.#previous.next = this.next;
    this.next.#previous = this.#previous;
    this.next = this.#previous = this;
  }

  goBefore(other: Place): void {
    this.next = other;
    this.#previous = other.#previous;
    this.#previous.next = other.#previous = this;
  }
}

/**
 * The usable keys by their number of leases, ascending; among equals the one that has rested longest
 * comes first. The keys of each number stand in a ring, so that no change costs a scan. An iteration
 * holds until the next change.
 */
export class LoadOrder implements Iterable<number> {
  /** By key; a key nothing was said of has none. */
  readonly #places: Place[] = [];
  /** By number of leases; keys that are not usable are in none. */
  readonly #rings: Place[] = [];
  /** No ring below this one holds a key. */
  #lowest = 0;

  /** Says how many leases a key has now. */
  setLoad(key: number, load: number): void {
    const place = this.#place(key);
    place.leave();
    place.load = load;
    if (place.isUsable) this.#enter(place);
  }

  /** Says which keys are usable now, ascending; those that stay keep their place. */
  keep(usable: readonly number[]): void {
    const members = new Set(usable);
    for (const key of usable) this.#place(key);
    this.#places.forEach((place) => {
      const isUsable = members.has(place.key);
      if (isUsable === place.isUsable) return;
      place.isUsable = isUsable;
      if (isUsable) this.#enter(place);
      else place.leave();
    });
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    while (this.#lowest < this.#rings.length && this.#isEmpty(this.#lowest)) this.#lowest += 1;
    for (let load = this.#lowest; load < this.#rings.length; load += 1) {
      const ring = this.#ring(load);
      for (let place = ring.next; place !== ring; place = place.next) yield place.key;
    }
  }

  #enter(place: Place): void {
    place.goBefore(this.#ring(place.load));
    this.#lowest = Math.min(this.#lowest, place.load);
  }

  #isEmpty(load: number): boolean {
    const ring = this.#rings[load];
    return ring === undefined || ring.next === ring;
  }

  #ring(load: number): Place {
    return (this.#rings[load] ??= new Place(-1));
  }

  #place(key: number): Place {
    return (this.#places[key] ??= new Place(key));
  }
}
