import type { Worker } from './worker.ts';
import type { ListAnswer, SharedList } from './siblings.ts';

/** As many paths as a worker's own cache keeps. */
const MAX_PATHS = 64;

interface Entry {
  list: SharedList | null;
  /** Who fetches it now; null: nobody. */
  fetching: Worker | null;
  /** Those who wait for what is being fetched. */
  readonly waiting: (() => void)[];
}

/** Model lists for all workers: of those that want the same one, one fetches it and the others wait. */
export class SharedLists {
  readonly #entries = new Map<string, Entry>();

  /** The list of a path, if it was fetched since `freshSince`; else the worker that asks is to fetch it. */
  async take(worker: Worker, path: string, freshSince: number): Promise<ListAnswer> {
    for (;;) {
      const entry = this.#entry(path);
      if (entry.list !== null && entry.list.fetchedAt >= freshSince) {
        return { kind: 'list', list: entry.list };
      }
      if (entry.fetching === null) {
        entry.fetching = worker;
        return { kind: 'fetch' };
      }
      await new Promise<void>((resolve) => entry.waiting.push(resolve));
    }
  }

  /** Takes what a worker has fetched; null: it could not. */
  give(worker: Worker, path: string, list: SharedList | null): void {
    const entry = this.#entries.get(path);
    if (entry?.fetching !== worker) return;
    entry.list = list ?? entry.list;
    this.#free(entry);
  }

  /** What a worker that has ended was to fetch, another may. */
  forget(worker: Worker): void {
    for (const entry of this.#entries.values()) if (entry.fetching === worker) this.#free(entry);
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
