import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { COUNTED, COUNTED_COLUMNS, FIGURES, SUMS } from './usage-columns.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS pool_usage (
  machine TEXT NOT NULL, day TEXT NOT NULL,
  key_id TEXT NOT NULL, model TEXT NOT NULL, client TEXT NOT NULL,
  ${COUNTED_COLUMNS},
  PRIMARY KEY (machine, day, key_id, model, client)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pool_fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`;

/**
 * The most rows of one machine and day that are shared one by one. Further rows are summed up in
 * one row.
 */
const MAX_ROWS = 2_000;

/** The usage of one key, model and client on a day: three names, then the figures of `COUNTED`. */
export type SharedRow = readonly [
  keyId: string,
  model: string,
  client: string,
  ...figures: number[],
];

/** The usage of all machines of a pool: this machine's own, and a copy of the others'. */
export interface PoolUsage {
  /** The id of this machine's totals. It lasts as long as their file. */
  readonly machine: string;
  /** Deletes the usage of another pool. */
  enter(pool: string): void;
  /** The days with usage on this machine. */
  days(sinceDay: string): string[];
  /** The usage of this machine on a day. */
  rows(day: string): SharedRow[];
  /** Replaces the usage of another machine on a day. */
  take(machine: string, day: string, rows: readonly SharedRow[]): void;
  /** The number of other machines with usage. */
  otherMachines(sinceDay: string): number;
  forgetBefore(day: string): void;
}

/** The usage of a pool, in the database of this machine's totals. */
export function poolUsageIn(database: DatabaseSync): PoolUsage {
  database.exec(SCHEMA);
  return {
    machine: machineName(database),
    enter(pool) {
      if (factOf(database, 'pool') === pool) return;
      database.exec('DELETE FROM pool_usage');
      keepFact(database, 'pool', pool);
    },
    days: (sinceDay) =>
      database
        .prepare('SELECT DISTINCT day FROM usage_total WHERE day >= ? ORDER BY day DESC')
        .all(sinceDay)
        .map(({ day }) => String(day)),
    rows: (day) => rowsOf(database, day),
    take: taking(database),
    otherMachines: (sinceDay) =>
      Number(
        database
          .prepare('SELECT COUNT(DISTINCT machine) AS machines FROM pool_usage WHERE day >= ?')
          .get(sinceDay)?.['machines'] ?? 0,
      ),
    forgetBefore: (day) => {
      database.prepare('DELETE FROM pool_usage WHERE day < ?').run(day);
    },
  };
}

/** Replaces the rows of a machine and a day atomically. */
function taking(database: DatabaseSync): PoolUsage['take'] {
  const remove = database.prepare('DELETE FROM pool_usage WHERE machine = ? AND day = ?');
  const insert = database.prepare(
    `INSERT OR REPLACE INTO pool_usage (machine, day, key_id, model, client, ${COUNTED.join(', ')})
     VALUES (?, ?, ?, ?, ?, ${COUNTED.map(() => '?').join(', ')})`,
  );
  return (machine, day, rows) => {
    database.exec('BEGIN IMMEDIATE');
    try {
      remove.run(machine, day);
      for (const row of rows) insert.run(machine, day, ...row);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
}

function factOf(database: DatabaseSync, name: string): string | undefined {
  const value = database.prepare('SELECT value FROM pool_fact WHERE name = ?').get(name)?.['value'];
  return value === undefined ? undefined : String(value);
}

function keepFact(database: DatabaseSync, name: string, value: string): void {
  database.prepare('INSERT OR REPLACE INTO pool_fact (name, value) VALUES (?, ?)').run(name, value);
}

function machineName(database: DatabaseSync): string {
  const known = factOf(database, 'machine');
  if (known !== undefined) return known;
  const made = randomBytes(8).toString('hex');
  keepFact(database, 'machine', made);
  return made;
}

function rowsOf(database: DatabaseSync, day: string): SharedRow[] {
  const order = 'ORDER BY answered + failed DESC, key_id, model, client';
  const figures = (row: Record<string, unknown>) => COUNTED.map((name) => Number(row[name]));
  const some = database
    .prepare(
      `SELECT key_id, model, client, ${FIGURES} FROM usage_total
       WHERE day = ? ${order} LIMIT ${MAX_ROWS}`,
    )
    .all(day)
    .map((row): SharedRow => [
      ...([String(row['key_id']), String(row['model']), String(row['client'])] as const),
      ...figures(row),
    ]);
  if (some.length < MAX_ROWS) return some;
  const others = database
    .prepare(
      `SELECT COUNT(*) AS count, ${SUMS} FROM
       (SELECT * FROM usage_total WHERE day = ? ${order} LIMIT -1 OFFSET ${MAX_ROWS})`,
    )
    .get(day);
  if (others === undefined || Number(others['count']) === 0) return some;
  return [...some, ['', '', '', ...figures(others)]];
}
