import type { ListAnswer, SharedList } from './siblings.ts';

/** Cached paths: as many as in a worker's own cache. */
const MAX_PATHS = 64;

interface Entry {
  list: SharedList | null;
  /** Id of the worker that fetches the list; null: none does. */
  fetching: number | null;
  /** Wakes the workers that wait for the list. */
  readonly waiting: (() => void)[];
}

/** Shares model lists among all workers. Of those that want the same list, one fetches it and the others wait. */
export class SharedLists {
  readonly #entries = new Map<string, Entry>();

  /** The list of a path, if it was fetched since `freshSince`; else the worker that asks has to fetch it. */
  async take(workerId: number, path: string, freshSince: number): Promise<ListAnswer> {
    for (;;) {
      const entry = this.#entry(path);
      if (entry.list !== null && entry.list.fetchedAt >= freshSince) {
        return { kind: 'list', list: entry.list };
      }
      if (entry.fetching === null) {
        entry.fetching = workerId;
        return { kind: 'fetch' };
      }
      await new Promise<void>((resolve) => entry.waiting.push(resolve));
    }
  }

  /** Takes the list that a worker has fetched; null: the fetch failed. */
  give(workerId: number, path: string, list: SharedList | null): void {
    const entry = this.#entries.get(path);
    if (entry?.fetching !== workerId) return;
    entry.list = list ?? entry.list;
    this.#free(entry);
  }

  /** A worker has ended: another may fetch the lists that it was fetching. */
  forget(workerId: number): void {
    for (const entry of this.#entries.values()) if (entry.fetching === workerId) this.#free(entry);
  }

  /** Forgets all lists: they were made for another configuration. */
  clear(): void {
    for (const entry of this.#entries.values()) this.#free(entry);
    this.#entries.clear();
  }

  #free(entry: Entry): void {
    entry.fetching = null;
    for (const wake of entry.waiting.splice(0)) wake();
  }

  #entry(path: string): Entry {
    const known = this.#entries.get(path) ?? { list: null, fetching: null, waiting: [] };
    this.#entries.delete(path);
    this.#entries.set(path, known);
    const oldest = this.#entries.entries().next().value;
    if (this.#entries.size > MAX_PATHS && oldest !== undefined) {
      this.#entries.delete(oldest[0]);
      this.#free(oldest[1]);
    }
    return known;
  }
}
