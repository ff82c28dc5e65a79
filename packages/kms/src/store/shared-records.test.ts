import { describe, expect, it } from 'vitest';
import { subjectId, type Limit, type Subject } from '../limits/limit.ts';
import { limitName, SharedRecords, subjectNamed } from './shared-records.ts';

const T = 1_000_000;

const subjects: readonly (readonly [id: string, subject: Subject])[] = [
  ['["account","acme","free"]', { pool: 'free', account: 'acme', scope: 'account' }],
  ['["account-model","acme","a/b"]', { model: 'a/b', account: 'acme', scope: 'account-model' }],
  ['["key-model","0123","a/b"]', { model: 'a/b', keyId: '0123', scope: 'key-model' }],
  ['["model","a/b"]', { model: 'a/b', scope: 'model' }],
  ['["upstream"]', { scope: 'upstream' }],
];

describe('the name of a stored limit', () => {
  it.each(subjects)('is %s, in whatever order the subject has its members', (id, subject) => {
    expect(subjectId(subject)).toBe(id);
    expect(subjectNamed(`limit ${id}`)).toEqual(subject);
  });

  it.each(['limit ["account","acme"]', 'limit ["planet","x"]', 'limit {}', 'limit', 'allowance a'])(
    'names no subject: %s',
    (name) => {
      expect(subjectNamed(name)).toBeUndefined();
    },
  );
});

describe('shared records that were stored before', () => {
  const limitOn = (subject: Subject, until = T + 60_000): Limit => ({
    ...{ subject, since: T, until, level: 0 },
    cause: { reason: 'free_tier_exhausted', source: 'header', detail: '' },
  });
  const subject: Subject = { scope: 'account', account: 'acme', pool: 'free' };
  const row = (limit: Limit) => JSON.stringify(limit);

  /** What is read from rows, and the rows that remain. */
  async function loaded(stored: Record<string, string>) {
    const rows = new Map(Object.entries(stored));
    const store = {
      loadShared: () => Promise.resolve(new Map(rows)),
      saveShared(name: string, json: string | null) {
        if (json === null) rows.delete(name);
        else rows.set(name, json);
        return Promise.resolve();
      },
    };
    const listener = { onStoreFailed: () => expect.unreachable('the store can be written') };
    return { state: await new SharedRecords(store, listener).load(T), rows };
  }

  it('are read', async () => {
    const limit = limitOn(subject);
    const { state, rows } = await loaded({
      [limitName(subject)]: row(limit),
      'allowance acme': '{"day":50}',
    });
    expect(state).toEqual({ limits: [limit], allowances: [['acme', { day: 50 }]] });
    expect(rows.size).toBe(2);
  });

  it('are deleted when the limit is over, or the row has an unknown form', async () => {
    const { state, rows } = await loaded({
      [limitName(subject)]: row(limitOn(subject, T)),
      'limit ["model","a/b"]': '{"subject":"a/b"}',
      'allowance acme': 'not JSON',
      'something else': '{}',
    });
    expect(state).toEqual({ limits: [], allowances: [] });
    expect([...rows.keys()]).toEqual([]);
  });

  it('are deleted when a limit is stored under another name than its own', async () => {
    const limit = limitOn(subject);
    const { state, rows } = await loaded({
      'limit ["free","acme","account"]': row(limit),
      [limitName(subject)]: row(limit),
    });
    expect(state.limits).toEqual([limit]);
    expect([...rows.keys()]).toEqual([limitName(subject)]);
  });
});
