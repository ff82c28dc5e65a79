import { type KeyRecord } from '../../src/keys/key-record.ts';
import { restored } from '../../src/keys/key-state.ts';
import { leaseStore } from '../../src/store/lease-store.ts';
import { LeaseTable, type LeaseTableOptions } from '../../src/store/lease-table.ts';
import { UNSHARED, type StateStore, type Window } from '../../src/store/state-store.ts';
import { WindowCounts, type WindowCount } from '../../src/store/window-counts.ts';

/** What a store is told, and tells. */
export type MemoryStoreOptions = Omit<LeaseTableOptions, 'windows'>;

const SHARED = 'shared ';
const WINDOWS = 'windows';

/** A store without a disk. `kept` outlives it, as a file would. */
export function memoryStore(options: MemoryStoreOptions, kept: Map<string, string>): StateStore {
  const counts = new Map<string, WindowCount>(
    JSON.parse(kept.get(WINDOWS) ?? '[]') as [string, WindowCount][],
  );
  const windows = new WindowCounts(counts.values());
  const leases = new LeaseTable({ ...options, windows });
  const read = (text: string, now: number) => restored(JSON.parse(text) as KeyRecord, now);
  const keepCount = (window: Window) => {
    const { id, startsAt, endsAt } = window;
    counts.set(`${startsAt} ${id}`, { id, startsAt, endsAt, used: windows.used(window) });
    kept.set(WINDOWS, JSON.stringify([...counts]));
  };
  return {
    backend: 'memory',
    ...UNSHARED,
    ...leaseStore(leases, windows, keepCount),
    load: (keyIds, now) => {
      const known = keyIds.flatMap((keyId) => {
        const text = kept.get(keyId);
        return text === undefined ? [] : [[keyId, read(text, now)] as const];
      });
      return Promise.resolve(new Map(known));
    },
    save: (keyId, record) => {
      kept.set(keyId, JSON.stringify(record));
      return Promise.resolve();
    },
    loadShared: () =>
      Promise.resolve(
        new Map(
          [...kept]
            .filter(([name]) => name.startsWith(SHARED))
            .map(([name, json]) => [name.slice(SHARED.length), json]),
        ),
      ),
    saveShared: (name, json) => {
      if (json === null) kept.delete(SHARED + name);
      else kept.set(SHARED + name, json);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
