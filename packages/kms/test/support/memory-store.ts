import { restored, type KeyRecord } from '../../src/key-state.ts';
import { LeaseTable, type LeaseTableOptions } from '../../src/lease-table.ts';
import type { StateStore } from '../../src/state-store.ts';

/** A store without a disk. `kept` outlives it, as a file would. */
export function memoryStore(options: LeaseTableOptions, kept: Map<string, string>): StateStore {
  const leases = new LeaseTable(options);
  const read = (text: string, now: number) => restored(JSON.parse(text) as KeyRecord, now);
  return {
    backend: 'memory',
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
    reserve: (candidates, terms, now) => Promise.resolve(leases.reserve(candidates, terms, now)),
    release: (leaseId, _keyId, now) => Promise.resolve(leases.release(leaseId, now)),
    adopt: (held, session, now) => {
      leases.adopt(held, session, now);
      return Promise.resolve();
    },
    shorten: (session, at) => {
      leases.shorten(session, at);
      return Promise.resolve();
    },
    inFlight: (now) => Promise.resolve(leases.inFlight(now)),
    close: () => Promise.resolve(),
  };
}
