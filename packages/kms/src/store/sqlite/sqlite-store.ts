import { DAY_MS } from '@openrouter-proxy/runtime';
import type { DatabaseSync } from 'node:sqlite';
import { diskTrouble } from './disk-trouble.ts';
import { type KeyRecord } from '../../keys/key-record.ts';
import { restored } from '../../keys/key-state.ts';
import { leaseStore } from '../lease-store.ts';
import { LeaseTable, type LeaseTableOptions } from '../lease-table.ts';
import {
  openStateFile,
  prepareStatements,
  readShared,
  readWindows,
  type Statements,
} from './state-file.ts';
import { UNSHARED, type StateStore, type Window } from '../state-store.ts';
import { WindowCounts } from '../window-counts.ts';

const FORGET_ABSENT_AFTER_MS = 90 * DAY_MS;
/** Records of configured keys are kept whatever their number. */
const MAX_ABSENT = 50_000;

/** Options of the store. */
export interface SqliteStoreOptions extends Omit<LeaseTableOptions, 'windows'> {
  readonly path: string;
  readonly now: number;
  /** A damaged file was found and moved to `path`; `kept` of its records were saved. */
  readonly onQuarantine: (quarantined: { path: string; kept: number }) => void;
}

/** Opens the store of a single machine: records in an SQLite file, leases in memory. */
export function openSqliteStore(options: SqliteStoreOptions): StateStore {
  const { database, records, quarantined } = openStateFile(options.path, options.now);
  if (quarantined !== null) options.onQuarantine({ path: quarantined, kept: records.size });
  const windows = new WindowCounts(readWindows(database, options.now));
  const writes = new GroupCommit(database, windows);
  return {
    backend: 'embedded',
    ...UNSHARED,
    status: () => ({ trouble: diskTrouble(options.path) ?? writes.trouble, machines: [] }),
    ...recordsIn(database, records, writes),
    ...leaseStore(new LeaseTable({ ...options, windows }), windows, (window) =>
      writes.countSoon(window),
    ),
    close: () => {
      writes.stop();
      database.close();
      return Promise.resolve();
    },
  };
}

type Records = Pick<StateStore, 'load' | 'save' | 'loadShared' | 'saveShared'>;

function recordsIn(
  database: DatabaseSync,
  records: Map<string, KeyRecord>,
  writes: GroupCommit,
): Records {
  return {
    load: (keyIds, now) => {
      keepAccount(database, keyIds, now);
      const known = keyIds.flatMap((keyId) => {
        const record = records.get(keyId);
        return record === undefined ? [] : [[keyId, restored(record, now)] as const];
      });
      return Promise.resolve(new Map(known));
    },
    save: async (keyId, record) => {
      await writes.save((write) => write.key(keyId, record));
      records.set(keyId, record); // a key that leaves the configuration may come back
    },
    loadShared: () => Promise.resolve(readShared(database)),
    saveShared: (name, json) => writes.save((write) => write.shared(name, json)),
  };
}

/** Notes the keys that left the configuration. Deletes those that left long ago. */
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

/** One write of a transaction. */
type Write = (statements: Statements) => void;

interface PendingWrite {
  readonly write: Write;
  readonly done: PromiseWithResolvers<undefined>;
}

/** The delay after a failed write of counts. */
const RETRY_MS = 1_000;

/** The longest delay before counts of windows are saved. */
const COUNTS_AFTER_MS = 250;

/**
 * Combines the writes of one turn of the event loop in one transaction, since each commit waits for
 * the disk. Counts of windows change with every lease and are saved together, a little later.
 */
class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  #pending: PendingWrite[] = [];
  /** Windows whose count has changed since the last save. */
  readonly #counted = new Map<string, Window>();
  readonly #windows: WindowCounts;
  #timer: NodeJS.Timeout | undefined;
  #trouble: string | null = null;

  constructor(database: DatabaseSync, windows: WindowCounts) {
    this.#database = database;
    this.#windows = windows;
    this.#statements = prepareStatements(database);
  }

  /** The error of the last write; null if it succeeded. */
  get trouble(): string | null {
    return this.#trouble;
  }

  save(write: Write): Promise<undefined> {
    if (this.#pending.length === 0) setImmediate(() => this.flush());
    const done = Promise.withResolvers<undefined>();
    this.#pending.push({ write, done });
    return done.promise;
  }

  countSoon(window: Window): void {
    this.#counted.set(`${window.startsAt} ${window.id}`, window);
    this.#timer ??= setTimeout(() => this.flush(), COUNTS_AFTER_MS).unref();
  }

  /** Writes everything that is pending, for the last time. */
  stop(): void {
    this.flush();
    clearTimeout(this.#timer);
  }

  flush(): void {
    const batch = this.#pending;
    this.#pending = [];
    const counted = [...this.#counted.values()];
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (batch.length === 0 && counted.length === 0) return;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const { write } of batch) write(this.#statements);
      for (const window of counted) {
        this.#statements.window({ ...window, used: this.#windows.used(window) });
      }
      this.#database.exec('COMMIT');
      this.#counted.clear();
      this.#trouble = null;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#trouble = error instanceof Error ? error.message : String(error);
      this.#timer = setTimeout(() => this.flush(), RETRY_MS).unref();
      for (const { done } of batch) done.reject(error);
      return;
    }
    for (const { done } of batch) done.resolve(undefined);
  }
}
