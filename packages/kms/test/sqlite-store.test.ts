import { readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newRecord, type KeyRecord } from '../src/keys/key-record.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { describeStateStore } from './support/state-store-conformance.ts';
import { useTempFolders } from './support/temp-folder.ts';

const T = Date.UTC(2026, 9, 2, 12);
const DAY = 86_400_000;
const newFolder = useTempFolders();

function open(folder: string, now = T) {
  const quarantined: { path: string; kept: number }[] = [];
  const store = openSqliteStore({
    path: join(folder, 'kms.db'),
    now,
    isOfThisLife: (leaseId) => leaseId.startsWith('ours'),
    onInFlight: () => undefined,
    onQuarantine: (about) => quarantined.push(about),
  });
  return { store, quarantined };
}

describeStateStore('the SQLite store', () => {
  const folder = newFolder();
  return () => open(folder).store;
});

const idOf = (key: number) => key.toString(16).padStart(12, '0');
const ids = Array.from({ length: 200 }, (_, key) => idOf(key));
const recordOf = (key: number): KeyRecord => ({
  state: {
    kind: 'disabled',
    since: T,
    cause: { reason: 'operator', source: 'operator', detail: `out of use: ${idOf(key)}` },
  },
  generation: key,
  strikeUntil: null,
  traits: {
    limitRemaining: null,
    limitReset: null,
    expiresAt: null,
    account: null,
    isManagement: false,
  },
});

/** A closed state file that holds a record of each of `ids`. */
async function filled(): Promise<string> {
  const folder = newFolder();
  const { store } = open(folder);
  await Promise.all(ids.map((id, key) => store.save(id, recordOf(key))));
  await store.close();
  return folder;
}

async function loadAll(folder: string, now = T) {
  const { store, quarantined } = open(folder, now);
  const records = await store.load(ids, now);
  await store.close();
  return { records, quarantined };
}

describe('the state file', () => {
  it('has mode 0600, and so has its log', async () => {
    const folder = newFolder();
    const { store } = open(folder);
    await store.save(idOf(1), recordOf(1));
    const modes = readdirSync(folder).map((file) => statSync(join(folder, file)).mode & 0o777);
    expect(modes.length).toBeGreaterThanOrEqual(2);
    expect(new Set(modes)).toEqual(new Set([0o600]));
    await store.close();
  });

  it('forgets a key that left the configuration 90 days ago', async () => {
    const folder = await filled();
    const without = async (now: number) => {
      const { store } = open(folder, now);
      await store.load(ids.slice(1), now);
      await store.close();
    };
    await without(T);
    await without(T + 90 * DAY);
    expect((await loadAll(folder, T + 90 * DAY)).records.size).toBe(ids.length);
    await without(T + 100 * DAY);
    await without(T + 191 * DAY);
    expect((await loadAll(folder, T + 191 * DAY)).records.has(idOf(0))).toBe(false);
  });

  it('of the first version keeps what it knows', async () => {
    const folder = await filled();
    const database = new DatabaseSync(join(folder, 'kms.db'));
    database.exec(
      'DROP TABLE shared_record; DROP TABLE window_count; PRAGMA user_version = 1; PRAGMA application_id = 0x6b6d7301',
    );
    database.close();
    const { records, quarantined } = await loadAll(folder);
    expect(quarantined).toEqual([]);
    expect(records.size).toBe(ids.length);
    expect((await loadAll(folder)).quarantined).toEqual([]);
  });

  it('of a newer version is left alone and ends the start', async () => {
    const folder = await filled();
    const database = new DatabaseSync(join(folder, 'kms.db'));
    database.exec('PRAGMA user_version = 3; PRAGMA application_id = 0x6b6d7303');
    database.close();
    expect(() => open(folder)).toThrow(/newer version/);
    expect(readdirSync(folder)).toEqual(['kms.db']);
  });
});

describe('a state file that is damaged', () => {
  it('is set aside, and its place taken by one with the records that are beyond doubt', async () => {
    const folder = await filled();
    const path = join(folder, 'kms.db');
    const bytes = readFileSync(path);
    const at = bytes.indexOf(`out of use: ${idOf(7)}`);
    bytes.write('in', at);
    writeFileSync(path, bytes);

    const { records, quarantined } = await loadAll(folder);
    expect(quarantined).toEqual([
      { path: `${path}.corrupt-20261002T120000Z`, kept: ids.length - 1 },
    ]);
    expect(records.has(idOf(7))).toBe(false);
    expect(records.get(idOf(8))).toEqual(recordOf(8));
    expect(readFileSync(`${path}.corrupt-20261002T120000Z`)).toEqual(bytes);

    const again = await loadAll(folder);
    expect(again).toEqual({ records, quarantined: [] });
  });

  it.each(['', 'this is no database, and it is long enough to look like one: '.repeat(99)])(
    'is set aside when it holds none at all: %#',
    async (contents) => {
      const folder = newFolder();
      writeFileSync(join(folder, 'kms.db'), contents);
      const { records, quarantined } = await loadAll(folder);
      expect(quarantined).toMatchObject([{ kept: 0 }]);
      expect(records.size).toBe(0);
    },
  );

  it.each(['key_record', 'shared_record', 'window_count'])(
    'is set aside when the table %s has lost a column',
    async (table) => {
      const folder = await filled();
      const database = new DatabaseSync(join(folder, 'kms.db'));
      const column = table === 'window_count' ? 'used' : 'digest';
      database.exec(`ALTER TABLE ${table} RENAME COLUMN ${column} TO other`);
      database.close();
      expect((await loadAll(folder)).quarantined).toHaveLength(1);
    },
  );

  it('never ends the start and never gives a record that was not written, wherever it is cut', async () => {
    const folder = await filled();
    const whole = readFileSync(join(folder, 'kms.db'));
    const anyLength = fc.nat({ max: whole.length - 1 });
    await fc.assert(
      fc.asyncProperty(anyLength, async (length) => {
        const cut = newFolder();
        writeFileSync(join(cut, 'kms.db'), whole);
        truncateSync(join(cut, 'kms.db'), length);
        const { records, quarantined } = await loadAll(cut);
        expect(quarantined).toHaveLength(1);
        for (const [id, record] of records) expect(record).toEqual(recordOf(parseInt(id, 16)));
      }),
      { numRuns: 100 },
    );
  });

  it('is noticed when a page has lost count of its rows', async () => {
    const folder = await filled();
    const whole = readFileSync(join(folder, 'kms.db'));
    for (let page = 4_096; page < whole.length; page += 4_096) {
      const damaged = newFolder();
      const bytes = Buffer.from(whole);
      const rows = bytes.readUInt16BE(page + 3); // sqlite.org/fileformat.html, 1.6
      if (rows === 0) continue;
      bytes.writeUInt16BE(rows - 1, page + 3);
      writeFileSync(join(damaged, 'kms.db'), bytes);
      expect((await loadAll(damaged)).quarantined).toHaveLength(1);
    }
  });

  it('never ends the start and never gives a record that was not written, whichever bit is wrong', async () => {
    const folder = await filled();
    const whole = readFileSync(join(folder, 'kms.db'));
    const anyBit = fc.nat({ max: whole.length * 8 - 1 });
    await fc.assert(
      fc.asyncProperty(anyBit, async (bit) => {
        const flipped = newFolder();
        const bytes = Buffer.from(whole);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        writeFileSync(join(flipped, 'kms.db'), bytes);
        const { records, quarantined } = await loadAll(flipped);
        if (quarantined.length === 0) expect(records.size).toBe(ids.length);
        for (const [id, record] of records) expect(record).toEqual(recordOf(parseInt(id, 16)));
      }),
      { numRuns: 150 },
    );
  });
});

it('starts although a count in its file is larger than can be read', async () => {
  const folder = newFolder();
  const { store } = open(folder);
  const day = { id: 'a/day', startsAt: T, endsAt: T + DAY, limit: 5 };
  await store.raise(day, 3);
  await store.raise({ ...day, id: 'b/day' }, 4);
  await store.close();
  const database = new DatabaseSync(join(folder, 'kms.db'));
  database.exec("UPDATE window_count SET used = 9223372036854775807 WHERE id = 'a/day'");
  database.close();
  const again = open(folder);
  expect(await again.store.used([day, { ...day, id: 'b/day' }])).toEqual([0, 4]);
  await again.store.close();
});

describe('a store that cannot write', () => {
  it('rejects what it could not keep, and keeps what comes after', async () => {
    const folder = newFolder();
    const { store } = open(folder);
    await store.save(idOf(1), recordOf(1));
    const intruder = new DatabaseSync(join(folder, 'kms.db'));
    intruder.exec('BEGIN IMMEDIATE');
    const saves = [store.save(idOf(1), newRecord(T)), store.save(idOf(2), recordOf(2))];
    const outcomes = await Promise.allSettled(saves);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    intruder.exec('ROLLBACK');
    intruder.close();
    await store.save(idOf(3), recordOf(3));
    await store.close();
    const { records } = await loadAll(folder);
    expect([...records]).toEqual([
      [idOf(1), recordOf(1)],
      [idOf(3), recordOf(3)],
    ]);
  });
});
