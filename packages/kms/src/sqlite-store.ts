import type { DatabaseSync } from 'node:sqlite';
import { DAY } from './cooldown.ts';
import { restored, type KeyRecord } from './key-state.ts';
import { LeaseTable, type LeaseTableOptions } from './lease-table.ts';
import { openStateFile, prepareWrite } from './state-file.ts';
import type { StateStore } from './state-store.ts';

const FORGET_ABSENT_AFTER_MS = 90 * DAY;
/** Records of keys that are in use are kept however many there are. */
const MAX_ABSENT = 50_000;

/** What the store is made of. */
export interface SqliteStoreOptions extends LeaseTableOptions {
  readonly path: string;
  readonly now: number;
  /** A damaged file was found and put there; `kept` of its records could be saved. */
  readonly onQuarantine: (quarantined: { path: string; kept: number }) => void;
}

/** Opens the store of a single machine: records in an SQLite file, leases in memory. */
export function openSqliteStore(options: SqliteStoreOptions): StateStore {
  const { database, records, quarantined } = openStateFile(options.path, options.now);
  if (quarantined !== null) options.onQuarantine({ path: quarantined, kept: records.size });
  const leases = new LeaseTable(options);
  const writes = new GroupCommit(database);
  return {
    backend: 'embedded',
    load: (keyIds, now) => {
      keepAccount(database, keyIds, now);
      const known = keyIds.flatMap((keyId) => {
        const record = records.get(keyId);
        return record === undefined ? [] : [[keyId, restored(record, now)] as const];
      });
      return Promise.resolve(new Map(known));
    },
    save: (keyId, record) => writes.save(keyId, record),
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
    close: () => {
      writes.flush();
      database.close();
      return Promise.resolve();
    },
  };
}

/** Notes which keys have left the configuration, and forgets those that left long ago. */
function keepAccount(database: DatabaseSync, keyIds: readonly string[], now: number): void {
  database.exec('BEGIN');
  database.prepare('UPDATE key_record SET absent_since = ? WHERE absent_since IS NULL').run(now);
  const present = database.prepare('UPDATE key_record SET absent_since = NULL WHERE key_id = ?');
  for (const keyId of keyIds) present.run(keyId);
  database
    .prepare(
      `DELETE FROM key_record WHERE absent_since < ? OR key_id IN (
         SELECT key_id FROM key_record WHERE absent_since IS NOT NULL
         ORDER BY absent_since DESC LIMIT -1 OFFSET ${MAX_ABSENT})`,
    )
    .run(now - FORGET_ABSENT_AFTER_MS);
  database.exec('COMMIT');
}

interface PendingWrite {
  readonly keyId: string;
  readonly record: KeyRecord;
  readonly done: PromiseWithResolvers<undefined>;
}

/** Writes what came in one turn of the event loop in one transaction: a commit waits for the disk. */
class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #write: ReturnType<typeof prepareWrite>;
  #pending: PendingWrite[] = [];

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#write = prepareWrite(database);
  }

  save(keyId: string, record: KeyRecord): Promise<undefined> {
    if (this.#pending.length === 0) setImmediate(() => this.flush());
    const done = Promise.withResolvers<undefined>();
    this.#pending.push({ keyId, record, done });
    return done.promise;
  }

  flush(): void {
    const batch = this.#pending;
    this.#pending = [];
    if (batch.length === 0) return;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const { keyId, record } of batch) this.#write(keyId, record);
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      for (const { done } of batch) done.reject(error);
      return;
    }
    for (const { done } of batch) done.resolve(undefined);
  }
}
