import { describe, expect, it } from 'vitest';
import { newRecord } from '../../../keys/key-record.ts';
import { subjectId, type Limit, type Subject } from '../../../limits/limit.ts';
import { accountMarks } from './account-marks.ts';
import {
  isCommandLost,
  keyCell,
  keyOfCell,
  mergeCells,
  sharedCell,
  sharedOfCell,
} from './pool-cells.ts';

const T = 1_000_000;
const key = (id: string, name: string, account: string | null = null) => ({ id, name, account });
const here = accountMarks([key('a1', 'key-1'), key('b2', 'key-2', 'acme')]);
/** The same keys, in another order and by other names. */
const there = accountMarks([key('b2', 'key-1', 'acme'), key('a1', 'mine')]);

const limitOn = (subject: Subject, until = T + 9): Limit => ({
  ...{ subject, since: T, until },
  cause: { reason: 'limited', source: 'header', detail: '' },
  level: 0,
});
const kept = (limit: Limit) =>
  [`limit ${subjectId(limit.subject)}`, JSON.stringify(limit)] as const;

describe('what keys share, on its way to another machine', () => {
  it.each<[name: string, there: string]>([
    ['key-1', 'mine'],
    ['acme', 'acme'],
    ['acct-0123abcd', 'acct-0123abcd'],
  ])('is about the same account there, which is %s here and %s there', (account, other) => {
    const cell = sharedCell(...kept(limitOn({ scope: 'account', account, pool: 'free' })), here);
    expect(sharedOfCell(cell.name, cell.text, there)).toEqual({
      name: kept(limitOn({ scope: 'account', account: other, pool: 'free' }))[0],
      text: kept(limitOn({ scope: 'account', account: other, pool: 'free' }))[1],
    });
  });

  it('names no account and no key', () => {
    for (const account of ['key-1', 'acme']) {
      const limit = limitOn({ scope: 'account-model', account, model: 'm' });
      const { name, text } = sharedCell(...kept(limit), here);
      const allowance = sharedCell(`allowance ${account}`, '{"day":50}', here);
      expect(`${name} ${text} ${allowance.name}`).not.toMatch(/key-1|acme/);
    }
  });

  it('is nothing to a machine that does not know the account', () => {
    const limit = limitOn({ scope: 'account', account: 'acme', pool: 'all' });
    const { name, text } = sharedCell(...kept(limit), here);
    expect(sharedOfCell(name, text, accountMarks([]))).toBeUndefined();
  });

  it('can be a limit that is lifted', () => {
    const [name] = kept(limitOn({ scope: 'account', account: 'key-1', pool: 'all' }));
    const cell = sharedCell(name, null, here);
    expect(sharedOfCell(cell.name, cell.text, there)).toEqual({
      name: 'limit ["account","mine","all"]',
      text: '',
    });
  });
});

describe('two cells that did not know of each other', () => {
  it('let the longer limit count, also where the other has lifted it', () => {
    const [name, short] = kept(limitOn({ scope: 'upstream' }, T + 1));
    const [, long] = kept(limitOn({ scope: 'upstream' }, T + 2));
    expect(mergeCells(name, short, long)).toBe(long);
    expect(mergeCells(name, '', short)).toBe(short);
  });

  it('let the smaller allowance count', () => {
    const merged = mergeCells('allowance a', '{"day":50,"minute":20}', '{"day":1000}');
    expect(JSON.parse(merged)).toEqual({ day: 50, minute: 20 });
  });

  it('pass over what is not understood', () => {
    const record = JSON.stringify(newRecord(T));
    expect(mergeCells(keyCell('a'), record, '{"state":"?"}')).toBe(record);
    expect(mergeCells(keyCell('a'), 'not JSON', record)).toBe(record);
  });
});

it('a newer record that knows nothing of a command has lost it', () => {
  const [before, after] = [0, 1].map((generation) =>
    JSON.stringify({ ...newRecord(T), generation }),
  );
  expect(isCommandLost(keyCell('a'), after ?? '', before ?? '')).toBe(true);
  expect(isCommandLost(keyCell('a'), before ?? '', after ?? '')).toBe(false);
  expect(isCommandLost('limit x', after ?? '', before ?? '')).toBe(false);
  expect(keyOfCell('limit x')).toBeUndefined();
});
