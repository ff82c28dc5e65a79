import { DatabaseSync } from 'node:sqlite';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '@openrouter-proxy/kms-protocol';
import { describe, expect, onTestFinished, test } from 'vitest';
import { IN_MEMORY, openUsageFile } from './usage-file.ts';
import { UsageTotals } from './usage-totals.ts';

const T = Date.UTC(2026, 10, 23, 12);
const DAY = 86_400_000;
const ANSWER: Outcome = { kind: 'success', status: 200 };
const REFUSAL: Outcome = { kind: 'provider_failed', status: 502, evidence: [], detail: '' };
const USED = { sent: 10, received: 5, cached: 4, reasoning: 3, cost: 0.5 };
const BY = { keyId: 'k1', model: 'a/b', client: 'c1' };

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'usage-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function totals(path = IN_MEMORY, now = T) {
  const replaced: string[] = [];
  const file = openUsageFile(path, now, (movedTo) => void replaced.push(movedTo));
  let failures = 0;
  const usage = new UsageTotals(file, now, () => void (failures += 1));
  return { usage, file, replaced, failures: () => failures };
}

describe('totals', () => {
  test('are told apart by key, model, client and day', () => {
    const { usage } = totals();
    usage.add(BY, ANSWER, USED, T);
    usage.add({ ...BY, keyId: 'k2' }, ANSWER, USED, T);
    usage.add({ ...BY, client: null }, ANSWER, USED, T + DAY);
    const sums = (by: 'key' | 'model' | 'client' | 'day') =>
      usage.query(T, by).map(({ name, sent }) => [name, sent]);
    expect(sums('key')).toEqual([
      ['k1', 20],
      ['k2', 10],
    ]);
    expect(sums('model')).toEqual([['a/b', 30]]);
    expect(sums('client')).toEqual([
      ['c1', 20],
      ['', 10],
    ]);
    expect(sums('day')).toEqual([
      ['2026-11-23', 20],
      ['2026-11-24', 10],
    ]);
  });

  test('count what nobody knows, and never guess it', () => {
    const { usage } = totals();
    usage.add(BY, ANSWER, USED, T);
    usage.add(BY, { kind: 'client_abort' }, null, T);
    usage.add(BY, REFUSAL, undefined, T);
    usage.add(BY, { kind: 'unused' }, undefined, T);
    expect(usage.query(T, 'key')).toEqual([
      { name: 'k1', answered: 1, failed: 1, unknown: 1, ...USED },
    ]);
  });

  test('do not hold a caller’s mistake against its key', () => {
    const { usage } = totals();
    const mistake: Outcome = { kind: 'caller_error', status: 400, evidence: [], detail: '' };
    usage.add(BY, mistake, undefined, T);
    expect(usage.today('k1', T)).toMatchObject({ answered: 1, failed: 0, unknown: 0 });
  });

  test('have no row for a model that no answer has come from: a client may ask for anything', () => {
    const { usage } = totals();
    for (let n = 0; n < 100; n += 1) {
      usage.add({ ...BY, model: `made up ${n}` }, REFUSAL, undefined, T);
    }
    expect(usage.query(T, 'model').map(({ name, failed }) => [name, failed])).toEqual([['', 100]]);
  });

  test('of a key today begin anew at midnight UTC', () => {
    const { usage } = totals();
    usage.add(BY, ANSWER, USED, T);
    expect(usage.today('k1', T)).toMatchObject({ answered: 1, sent: 10 });
    expect(usage.today('k1', T + DAY)).toMatchObject({ answered: 0, sent: 0 });
    usage.add(BY, ANSWER, USED, T + DAY);
    expect(usage.today('k1', T + DAY)).toMatchObject({ answered: 1, sent: 10 });
  });

  test('outlive the service, also those of today', () => {
    const path = join(folder(), 'usage.db');
    const first = totals(path);
    first.usage.add(BY, ANSWER, USED, T);
    first.usage.flush();
    first.file.close();
    const { usage } = totals(path, T + 1_000);
    expect(usage.today('k1', T + 1_000)).toMatchObject({ answered: 1, cost: 0.5 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('older than 400 days are forgotten', () => {
    const { usage } = totals();
    usage.add(BY, ANSWER, USED, T);
    usage.add(BY, ANSWER, USED, T + 400 * DAY);
    expect(usage.query(T, 'day')).toHaveLength(2);
    usage.add(BY, ANSWER, USED, T + 401 * DAY);
    expect(usage.query(T, 'day').map(({ name }) => name)).not.toContain('2026-11-23');
  });

  test('that cannot be saved are kept and saved later, with one complaint', () => {
    const path = join(folder(), 'usage.db');
    const { usage, failures } = totals(path);
    const other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    usage.add(BY, ANSWER, USED, T);
    usage.flush();
    usage.add(BY, ANSWER, USED, T);
    usage.flush();
    expect(failures()).toBe(1);
    other.exec('ROLLBACK');
    expect(usage.query(T, 'key')).toMatchObject([{ sent: 20 }]);
  });
});

test.each([
  [
    'is no database',
    (path: string) => writeFileSync(path, 'this is no database, and never was one'),
  ],
  [
    'was written by a newer version',
    (path: string) => {
      const database = new DatabaseSync(path);
      database.exec('PRAGMA user_version = 99');
      database.close();
    },
  ],
])('a file that %s is set aside, and counting begins anew', (_what, spoil) => {
  const path = join(folder(), 'usage.db');
  spoil(path);
  const { usage, replaced } = totals(path);
  usage.add(BY, ANSWER, USED, T);
  expect(usage.query(T, 'key')).toHaveLength(1);
  expect(replaced).toEqual([`${path}.replaced-20261123T120000Z`]);
  expect(readdirSync(join(path, '..'))).toContain('usage.db.replaced-20261123T120000Z');
});

describe('figures that cannot be right', () => {
  const MAX = Number.MAX_SAFE_INTEGER;
  const HUGE = { sent: MAX, received: MAX, cached: MAX, reasoning: MAX, cost: 1e308 };

  test('are added up to the largest total and no further, also after a restart', () => {
    const path = join(folder(), 'usage.db');
    const first = totals(path);
    for (let n = 0; n < 3; n += 1) {
      first.usage.add({ ...BY, keyId: `k${n % 2}` }, ANSWER, HUGE, T);
      first.usage.flush();
    }
    expect(first.usage.today('k0', T)).toMatchObject({ sent: MAX, cost: MAX });
    expect(first.usage.query(T, 'model')).toMatchObject([{ sent: MAX, cost: MAX }]);
    first.file.close();
    const second = totals(path);
    expect(second.usage.today('k0', T)).toMatchObject({ sent: MAX, received: MAX, answered: 2 });
    expect(second.file.pool.rows('2026-11-23')[0]).toContain(MAX);
    expect(second.replaced).toEqual([]);
  });

  test('that an older version has added up are read as the largest total', () => {
    const path = join(folder(), 'usage.db');
    const first = totals(path);
    for (const keyId of ['k1', 'k2']) first.usage.add({ ...BY, keyId }, ANSWER, USED, T);
    first.usage.flush();
    first.file.close();
    const database = new DatabaseSync(path);
    database.exec('UPDATE usage_total SET sent = 9223372036854775807, received = -5');
    database.close();
    const { usage, file } = totals(path);
    expect(usage.query(T, 'model')).toMatchObject([{ sent: MAX, received: 0, cached: 8 }]);
    expect(file.pool.rows('2026-11-23')[0]).toContain(MAX);
    usage.add(BY, ANSWER, USED, T);
    expect(usage.query(T, 'model')).toMatchObject([{ sent: MAX, received: 5 }]);
  });
});
