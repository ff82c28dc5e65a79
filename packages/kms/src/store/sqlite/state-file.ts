import { createHash } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { preparePrivateFile, EXIT, StartupError } from '@openrouter-proxy/runtime';
import { readRecord, type KeyRecord } from '../../keys/key-record.ts';
import { isSqliteError } from '../../files/sqlite-error.ts';
import type { WindowCount } from '../window-counts.ts';

/** "kms" and the version: both fields must agree before a file counts as one of a newer version. */
const applicationId = (version: number) => 0x6b6d7300 + version;
/** The migration to each version from the one before it. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE key_record (
    key_id TEXT PRIMARY KEY,
    record TEXT NOT NULL,
    digest TEXT NOT NULL,
    absent_since INTEGER
  ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE shared_record (
    name TEXT PRIMARY KEY,
    record TEXT NOT NULL,
    digest TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE window_count (
    id TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (id, starts_at)
  ) STRICT, WITHOUT ROWID;`,
];
const SCHEMA_VERSION = MIGRATIONS.length;

/** A larger integer cannot be read without loss: node:sqlite throws ERR_OUT_OF_RANGE. */
const READABLE = Number.MAX_SAFE_INTEGER;

/** SQLite's error codes for damaged contents. */
const DAMAGE = ['ERROR', 'READONLY', 'CORRUPT', 'NOTADB'] as const;

/** An open state file and its contents. */
export interface StateFile {
  readonly database: DatabaseSync;
  readonly records: Map<string, KeyRecord>;
  /** The new path of a damaged file that stood here; null if there was none. */
  readonly quarantined: string | null;
}

/** The contents of the file are damaged. */
class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/**
 * Opens the file of key records, or creates it with mode 0600. A damaged file is renamed, and a new
 * file gets its intact records. Throws a StartupError if a newer version has written the file.
 */
export function openStateFile(path: string, now: number): StateFile {
  const records = new Map<string, KeyRecord>();
  try {
    return { database: openAndRead(path, records), records, quarantined: null };
  } catch (error) {
    if (!(error instanceof DamagedFile || isSqliteError(error, ...DAMAGE))) throw error;
  }
  const quarantined = quarantine(path, now);
  const database = openAndRead(path, new Map());
  const statements = prepareStatements(database);
  database.exec('BEGIN');
  for (const [keyId, record] of records) statements.key(keyId, record);
  database.exec('COMMIT');
  return { database, records, quarantined };
}

/** The statements that write rows. */
export interface Statements {
  key(keyId: string, record: KeyRecord): void;
  /** Null deletes the row. */
  shared(name: string, json: string | null): void;
  window(count: WindowCount): void;
}

/** Prepares the statements that write rows. */
export function prepareStatements(database: DatabaseSync): Statements {
  const upsert = (table: string, name: string) =>
    database.prepare(
      `INSERT INTO ${table} (${name}, record, digest) VALUES (?, ?, ?)
       ON CONFLICT (${name}) DO UPDATE SET record = excluded.record, digest = excluded.digest`,
    );
  const key = upsert('key_record', 'key_id');
  const shared = upsert('shared_record', 'name');
  const forget = database.prepare('DELETE FROM shared_record WHERE name = ?');
  const window = database.prepare(
    `INSERT INTO window_count (id, starts_at, ends_at, used) VALUES (?, ?, ?, ?)
     ON CONFLICT (id, starts_at) DO UPDATE SET used = excluded.used`,
  );
  return {
    key(keyId, record) {
      const text = JSON.stringify(record);
      key.run(keyId, text, digestOf(keyId, text));
    },
    shared(name, json) {
      if (json === null) forget.run(name);
      else shared.run(name, json, digestOf(name, json));
    },
    window({ id, startsAt, endsAt, used }) {
      window.run(id, startsAt, endsAt, used);
    },
  };
}

/** Reads the counts of windows that have not ended. Deletes the others. */
export function readWindows(database: DatabaseSync, now: number): WindowCount[] {
  database.prepare('DELETE FROM window_count WHERE ends_at <= ?').run(now);
  return database
    .prepare(
      `SELECT id, starts_at, ends_at, used FROM window_count
       WHERE used BETWEEN 0 AND ${READABLE} AND starts_at BETWEEN 0 AND ends_at AND ends_at <= ${READABLE}`,
    )
    .all()
    .map(({ id, starts_at, ends_at, used }) => ({
      id: String(id),
      startsAt: Number(starts_at),
      endsAt: Number(ends_at),
      used: Number(used),
    }));
}

/**
 * Reads the shared records, by name. Skips rows that do not match their digest: they can be learned
 * again.
 */
export function readShared(database: DatabaseSync): ReadonlyMap<string, string> {
  const rows = database.prepare('SELECT name, record, digest FROM shared_record').all();
  const sound = rows.flatMap(({ name, record, digest }) =>
    typeof name === 'string' && typeof record === 'string' && digest === digestOf(name, record)
      ? [[name, record] as const]
      : [],
  );
  return new Map(sound);
}

/** Records that were read before damage was found are in `records`. */
function openAndRead(path: string, records: Map<string, KeyRecord>): DatabaseSync {
  const isNew = !existsSync(path);
  preparePrivateFile(path);
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    migrate(database, isNew ? 0 : readVersion(path, database));
    readRecords(database, records);
    const verdict = database.prepare('PRAGMA quick_check(1)').get();
    if (verdict?.['quick_check'] !== 'ok') throw new DamagedFile('quick_check failed');
    prepareStatements(database); // a table may have lost a column: quick_check does not look at names
    readShared(database);
    database.prepare('SELECT id, starts_at, ends_at, used FROM window_count');
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`); // fails early for a file that cannot be written
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The version that wrote the file. Throws a StartupError if it is a newer one. */
function readVersion(path: string, database: DatabaseSync): number {
  const read = (pragma: string) => Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);
  const version = read('user_version');
  if (version === 0 || read('application_id') !== applicationId(version)) {
    throw new DamagedFile('the schema is missing');
  }
  if (version <= SCHEMA_VERSION) return version;
  throw new StartupError(EXIT.configuration, [
    `${path} was written by a newer version of this program. Install that version again, or move the file away to start without what it knows of the keys.`,
  ]);
}

function migrate(database: DatabaseSync, version: number): void {
  if (version === SCHEMA_VERSION) return;
  database.exec(`BEGIN;
    ${MIGRATIONS.slice(version).join('\n')}
    PRAGMA user_version = ${SCHEMA_VERSION};
    PRAGMA application_id = ${applicationId(SCHEMA_VERSION)};
    COMMIT;`);
}

function readRecords(database: DatabaseSync, records: Map<string, KeyRecord>): void {
  const rows = database.prepare('SELECT key_id, record, digest FROM key_record').iterate();
  let doubtful = 0;
  for (const { key_id: keyId, record: text, digest } of rows) {
    if (typeof keyId !== 'string' || typeof text !== 'string') doubtful += 1;
    else if (digest !== digestOf(keyId, text)) doubtful += 1;
    else records.set(keyId, parseRecord(text));
  }
  if (doubtful > 0) throw new DamagedFile(`${doubtful} records do not match their digest`);
}

/** SQLite detects a torn page, but not a flipped bit. */
function digestOf(keyId: string, record: string): string {
  return createHash('sha256').update(`${keyId}\0${record}`).digest('base64url').slice(0, 22);
}

function parseRecord(text: string): KeyRecord {
  // The digest proves that `prepareStatements` wrote it; the schema, that this version understands it.
  const record = readRecord(text);
  if (record === undefined) throw new DamagedFile('a record is of an unknown form');
  return record;
}

/** Renames the file and its write-ahead log, so that they can still be examined. */
function quarantine(path: string, now: number): string {
  const target = `${path}.corrupt-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  for (const suffix of ['', '-wal']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix);
  }
  return target;
}
