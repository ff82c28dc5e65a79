import { existsSync, renameSync } from 'node:fs';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { objectKind, type ObjectCursor, type ObjectKind } from '@openrouter-proxy/kms-protocol';
import { isSqliteError } from '../files/sqlite-error.ts';
import { MAX_OF_KIND, type ObjectRecord } from './object-record.ts';
import { preparePrivateFile } from '@openrouter-proxy/runtime';

const SCHEMA_VERSION = 1;
const SCHEMA = `
CREATE TABLE owned_object (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  account TEXT NOT NULL,
  client TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  is_shared INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX by_client ON owned_object (kind, client, created_at DESC, id DESC);
CREATE INDEX by_age ON owned_object (kind, created_at);
CREATE INDEX unshared ON owned_object (is_shared) WHERE is_shared = 0;
PRAGMA user_version = ${SCHEMA_VERSION};`;

/** A path for owners that are forgotten when their process ends. */
export const IN_MEMORY = ':memory:';

/** Where the owners of objects are kept on this machine. */
export interface ObjectFile {
  /**
   * Keeps owners, all or nothing; they are durable when this returns. An object has one owner: a second
   * record of it is ignored. `isShared`: the other machines know them.
   */
  add(records: readonly ObjectRecord[], isShared: boolean): void;
  find(kind: ObjectKind, id: string, now: number): ObjectRecord | undefined;
  /** The objects of a client after a cursor (null: from the start), the latest first. */
  list(
    of: { readonly kind: ObjectKind; readonly client: string },
    after: ObjectCursor | null,
    limit: number,
    now: number,
  ): ObjectRecord[];
  forget(kind: ObjectKind, id: string): void;
  /** Owners that other machines do not know yet. */
  unshared(limit: number): ObjectRecord[];
  markShared(records: readonly ObjectRecord[]): void;
  /** Deletes what has expired, and the oldest of too many. */
  trim(now: number): void;
  close(): void;
}

/**
 * Opens the file, or makes it (0600). A damaged file, or one of a newer version, is renamed and replaced:
 * owners that are lost can be looked up at OpenRouter. `onReplaced` gets the new name of the old file.
 */
export function openObjectFile(
  path: string,
  now: number,
  onReplaced: (movedTo: string) => void,
): ObjectFile {
  try {
    return objectFileIn(openDatabase(path));
  } catch (error) {
    const isOther = error instanceof UnknownVersion;
    if (!(isOther || isSqliteError(error, 'ERROR', 'CORRUPT', 'NOTADB'))) throw error;
  }
  const movedTo = `${path}.replaced-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  for (const suffix of ['', '-wal']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, movedTo + suffix);
  }
  onReplaced(movedTo);
  return objectFileIn(openDatabase(path));
}

/** The file was written by a newer version, or by another program. */
class UnknownVersion extends Error {
  override readonly name = 'UnknownVersion';
}

function openDatabase(path: string): DatabaseSync {
  const isNew = path === IN_MEMORY || !existsSync(path);
  if (path !== IN_MEMORY) preparePrivateFile(path);
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    if (isNew) database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
    const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
    if (version !== SCHEMA_VERSION) throw new UnknownVersion(`its version is ${String(version)}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Before the first object of every list. */
const BEGINNING: ObjectCursor = { createdAt: Number.MAX_SAFE_INTEGER, id: '' };

function objectFileIn(database: DatabaseSync): ObjectFile {
  const insert = insertion(database);
  const find = database.prepare(
    'SELECT * FROM owned_object WHERE kind = ? AND id = ? AND expires_at > ?',
  );
  const list = database.prepare(
    `SELECT * FROM owned_object
     WHERE kind = ? AND client = ? AND expires_at > ? AND (created_at, id) < (?, ?)
     ORDER BY created_at DESC, id DESC LIMIT ?`,
  );
  const forget = database.prepare('DELETE FROM owned_object WHERE kind = ? AND id = ?');
  const unshared = database.prepare('SELECT * FROM owned_object WHERE is_shared = 0 LIMIT ?');
  const mark = database.prepare('UPDATE owned_object SET is_shared = 1 WHERE kind = ? AND id = ?');
  return {
    add: (records, isShared) =>
      inTransaction(database, () => {
        for (const record of records) insert(record, isShared);
      }),
    find: (kind, id, now) => recordsIn([find.get(kind, id, now)])[0],
    list: ({ kind, client }, after, limit, now) => {
      const { createdAt, id } = after ?? BEGINNING;
      return recordsIn(list.all(kind, client, now, createdAt, id, limit));
    },
    forget: (kind, id) => void forget.run(kind, id),
    unshared: (limit) => recordsIn(unshared.all(limit)),
    markShared: (records) =>
      inTransaction(database, () => {
        for (const { kind, id } of records) mark.run(kind, id);
      }),
    trim: (now) => trim(database, now),
    close: () => database.close(),
  };
}

/** Inserts a record, unless its object has an owner whose record is in force. */
function insertion(database: DatabaseSync): (record: ObjectRecord, isShared: boolean) => void {
  const forgetExpired = database.prepare(
    'DELETE FROM owned_object WHERE kind = ? AND id = ? AND expires_at <= ?',
  );
  const insert = database.prepare(
    `INSERT INTO owned_object (kind, id, key_id, account, client, created_at, expires_at, is_shared)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET is_shared = MAX(is_shared, excluded.is_shared)`,
  );
  return ({ kind, id, keyId, account, client, createdAt, expiresAt }, isShared) => {
    forgetExpired.run(kind, id, createdAt);
    insert.run(kind, id, keyId, account, client, createdAt, expiresAt, Number(isShared));
  };
}

function trim(database: DatabaseSync, now: number): void {
  database.prepare('DELETE FROM owned_object WHERE expires_at <= ?').run(now);
  const excess = database.prepare(
    `DELETE FROM owned_object WHERE kind = ? AND created_at < (
       SELECT created_at FROM owned_object WHERE kind = ? ORDER BY created_at DESC LIMIT 1 OFFSET ?)`,
  );
  for (const kind of objectKind.options) excess.run(kind, kind, MAX_OF_KIND[kind] - 1);
}

function inTransaction(database: DatabaseSync, change: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    change();
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

type Row = Record<string, SQLOutputValue>;

/** Rows of a kind that this version does not know are left out. */
function recordsIn(rows: readonly (Row | undefined)[]): ObjectRecord[] {
  return rows.flatMap((row) => {
    const kind = objectKind.safeParse(row?.['kind']);
    if (row === undefined || !kind.success) return [];
    return {
      kind: kind.data,
      id: String(row['id']),
      keyId: String(row['key_id']),
      account: String(row['account']),
      client: String(row['client']),
      createdAt: Number(row['created_at']),
      expiresAt: Number(row['expires_at']),
    };
  });
}
