import { existsSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type {
  UsageDimension,
  UsageRow,
  UsageScope,
  UsageTotals,
} from '@openrouter-proxy/kms-protocol';
import { isSqliteError } from '../files/sqlite-error.ts';
import { poolUsageIn, type PoolUsage } from './pool-usage.ts';
import { ADDED, COLUMN, COUNTED, SUMS, totalsOf } from './usage-columns.ts';
import { preparePrivateFile } from '@openrouter-proxy/runtime';

const SCHEMA_VERSION = 1;
const SCHEMA = `
CREATE TABLE usage_total (
  day TEXT NOT NULL,
  key_id TEXT NOT NULL,
  model TEXT NOT NULL,
  client TEXT NOT NULL,
  answered INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  unknown INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  received INTEGER NOT NULL,
  cached INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  cost REAL NOT NULL,
  PRIMARY KEY (day, key_id, model, client)
) STRICT, WITHOUT ROWID;
CREATE TABLE charge_mark (
  key_id TEXT PRIMARY KEY,
  mark TEXT NOT NULL
) STRICT, WITHOUT ROWID;
PRAGMA user_version = ${SCHEMA_VERSION};`;

const MAX_ROWS = 1_000;

/** A path for totals that end with the process. */
export const IN_MEMORY = ':memory:';

/** The subject of a row of totals. `day` is a UTC day, `2026-11-23`. */
export interface UsageSubject {
  readonly day: string;
  readonly keyId: string;
  readonly model: string;
  readonly client: string;
}

/** Stores usage totals. */
export interface UsageFile {
  /** Adds to the totals atomically. */
  add(rows: readonly (readonly [UsageSubject, UsageTotals])[]): void;
  /** The totals of each value of a dimension, the largest first; days in order. */
  query(sinceDay: string, by: UsageDimension, of: UsageScope): UsageRow[];
  readonly pool: PoolUsage;
  /** The models with an answer on a day. */
  models(day: string): string[];
  forgetBefore(day: string): void;
  /** The charge marks of keys, as JSON. */
  marks(): ReadonlyMap<string, string>;
  keepMark(keyId: string, json: string): void;
  close(): void;
}

/**
 * Opens the file, or creates it with mode 0600. A damaged file, or one of a newer version, is
 * renamed, since no decision depends on totals. `onReplaced` receives the new path.
 */
export function openUsageFile(
  path: string,
  now: number,
  onReplaced: (movedTo: string) => void,
): UsageFile {
  try {
    return usageFileIn(openDatabase(path));
  } catch (error) {
    if (!(error instanceof UnknownFile || isSqliteError(error, 'ERROR', 'CORRUPT', 'NOTADB'))) {
      throw error;
    }
  }
  const movedTo = `${path}.replaced-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  for (const suffix of ['', '-wal']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, movedTo + suffix);
  }
  onReplaced(movedTo);
  return usageFileIn(openDatabase(path));
}

/** Not a file of this program, or one of a newer version. */
class UnknownFile extends Error {
  override readonly name = 'UnknownFile';
}

function openDatabase(path: string): DatabaseSync {
  const isNew = !existsSync(path);
  if (path !== IN_MEMORY) preparePrivateFile(path);
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    if (isNew) database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
    const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
    if (version !== SCHEMA_VERSION) throw new UnknownFile(`its version is ${String(version)}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The totals of a database with these tables. */
function usageFileIn(database: DatabaseSync): UsageFile {
  const upsert = database.prepare(
    `INSERT INTO usage_total (day, key_id, model, client, ${COUNTED.join(', ')})
     VALUES (?, ?, ?, ?, ${COUNTED.map(() => '?').join(', ')})
     ON CONFLICT DO UPDATE SET ${ADDED}`,
  );
  const mark = database.prepare('INSERT OR REPLACE INTO charge_mark (key_id, mark) VALUES (?, ?)');
  const pool = poolUsageIn(database);
  return {
    pool,
    add(rows) {
      database.exec('BEGIN IMMEDIATE');
      try {
        for (const [{ day, keyId, model, client }, totals] of rows) {
          upsert.run(day, keyId, model, client, ...COUNTED.map((name) => totals[name]));
        }
        database.exec('COMMIT');
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
    query: (sinceDay, by, of) => query(database, sinceDay, by, of),
    models: (day) => modelsOf(database, day),
    forgetBefore: (day) => {
      database.prepare('DELETE FROM usage_total WHERE day < ?').run(day);
      pool.forgetBefore(day);
    },
    marks: () => {
      const rows = database.prepare('SELECT key_id, mark FROM charge_mark').all();
      return new Map(rows.map(({ key_id, mark: json }) => [String(key_id), String(json)]));
    },
    keepMark: (keyId, json) => {
      mark.run(keyId, json);
    },
    close: () => database.close(),
  };
}

function modelsOf(database: DatabaseSync, day: string): string[] {
  return database
    .prepare('SELECT DISTINCT model FROM usage_total WHERE day = ? AND answered > 0')
    .all(day)
    .map(({ model }) => String(model));
}

/** The rows of this machine, or of the whole pool. */
const ROWS_OF: Readonly<Record<UsageScope, string>> = {
  machine: 'usage_total',
  pool: `(${['usage_total', 'pool_usage']
    .map((table) => `SELECT day, key_id, model, client, ${COUNTED.join(', ')} FROM ${table}`)
    .join(' UNION ALL ')})`,
};

function query(
  database: DatabaseSync,
  sinceDay: string,
  by: UsageDimension,
  of: UsageScope,
): UsageRow[] {
  const column = COLUMN[by];
  const order = by === 'day' ? 'name' : 'cost DESC, sent + received DESC, name';
  return database
    .prepare(
      `SELECT ${column} AS name, ${SUMS} FROM ${ROWS_OF[of]} WHERE day >= ?
       GROUP BY ${column} ORDER BY ${order} LIMIT ${MAX_ROWS}`,
    )
    .all(sinceDay)
    .map((row) => ({
      name: String(row['name']),
      ...totalsOf((name) => Number(row[name])),
    }));
}
