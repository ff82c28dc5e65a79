import { expect, test } from 'vitest';
import { readKeyList } from './key-list.ts';

/** What a list comes to, as `name=key` and the place. */
const read = (text: string) =>
  readKeyList(text).map(({ name, key, place }) => [`${name ?? ''}=${key}`, place]);

test('keys are separated by commas, spaces or newlines', () => {
  expect(read('sk-or-1,sk-or-2 sk-or-3')).toEqual([
    ['=sk-or-1', 'key 1'],
    ['=sk-or-2', 'key 2'],
    ['=sk-or-3', 'key 3'],
  ]);
  expect(read('sk-or-1\r\nsk-or-2, sk-or-3\n')).toEqual([
    ['=sk-or-1', 'line 1'],
    ['=sk-or-2', 'line 2, key 1'],
    ['=sk-or-3', 'line 2, key 2'],
  ]);
});

test('comments and blank lines are skipped, and keep the lines behind them in their places', () => {
  const text = '# keys of the team\n\nsk-or-1 # of Ann\n   # sk-or-old\n\tsk-or-2\n';
  expect(read(text)).toEqual([
    ['=sk-or-1', 'line 3'],
    ['=sk-or-2', 'line 5'],
  ]);
  expect(read('# nothing yet\n \n')).toEqual([]);
});

test('a sign # within a key is a part of it', () => {
  expect(read('sk-or-1#2')).toEqual([['=sk-or-1#2', 'key 1']]);
});

test('a key may have a name in front', () => {
  expect(read('ann = sk-or-1\nbob=sk-or-2\n"carla": sk-or-3\ndora=\'sk-or-4\' # quoted')).toEqual([
    ['ann=sk-or-1', 'line 1'],
    ['bob=sk-or-2', 'line 2'],
    ['="carla":', 'line 3, key 1'],
    ['=sk-or-3', 'line 3, key 2'],
    ['dora=sk-or-4', 'line 4'],
  ]);
  expect(read('ann=sk-or-1, bob = sk-or-2')).toEqual([
    ['ann=sk-or-1', 'key 1'],
    ['bob=sk-or-2', 'key 2'],
  ]);
});

test('a key with a sign = in it has no name', () => {
  expect(read('sk-or-1=2')).toEqual([['=sk-or-1=2', 'key 1']]);
});

test('a line without a key is one entry, to be refused as one', () => {
  expect(read('sk-or-1\nthe key of Bob')).toEqual([
    ['=sk-or-1', 'line 1'],
    ['=the key of Bob', 'line 2'],
  ]);
});
