import { expect, test } from 'vitest';
import { KeyHistory, type Standing } from './key-history.ts';

const T = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60_000;
const KEY = '0123456789ab';
const serving = (from: number): Standing => ({ kind: 'serving', from, until: null, why: '' });
const cooling = (from: number, until: number): Standing => ({
  kind: 'cooling',
  from,
  until,
  why: 'rate_limited',
});

const spansOf = (history: KeyHistory, now: number, since = T) =>
  (history.lanes([KEY], since, now)[0]?.spans ?? []).map(({ kind, from, to }) => [
    kind,
    (from - T) / MINUTE,
    to === null ? null : (to - T) / MINUTE,
  ]);

test('each span lasts until the next begins, and the last goes on', () => {
  const history = new KeyHistory();
  history.add(KEY, serving(T));
  history.add(KEY, cooling(T + MINUTE, T + 9 * MINUTE));
  history.add(KEY, serving(T + 2 * MINUTE));
  expect(spansOf(history, T + 3 * MINUTE)).toEqual([
    ['serving', 0, 1],
    ['cooling', 1, 2],
    ['serving', 2, null],
  ]);
});

test('a span that ends by itself is followed by service, whether or not anybody has noticed', () => {
  const history = new KeyHistory();
  history.add(KEY, cooling(T, T + MINUTE));
  expect(spansOf(history, T + 30_000)).toEqual([['cooling', 0, null]]);
  expect(spansOf(history, T + 2 * MINUTE)).toEqual([
    ['cooling', 0, 1],
    ['serving', 1, null],
  ]);
});

test('what is over before the time that is asked for is left out', () => {
  const history = new KeyHistory();
  history.add(KEY, serving(T));
  history.add(KEY, cooling(T + MINUTE, T + 2 * MINUTE));
  expect(spansOf(history, T + 10 * MINUTE, T + 5 * MINUTE)).toEqual([['serving', 2, null]]);
});

test('no more is remembered than may be told', () => {
  const history = new KeyHistory();
  for (let n = 0; n < 1_000; n += 1) history.add(KEY, serving(T + n * MINUTE));
  expect(spansOf(history, T + 1_000 * MINUTE)).toHaveLength(200);
});

test('what lasts no time is not remembered', () => {
  const history = new KeyHistory();
  history.add(KEY, cooling(T, T + MINUTE));
  history.add(KEY, serving(T));
  expect(spansOf(history, T + MINUTE)).toEqual([['serving', 0, null]]);
});

test('keys of which nothing is known have an empty lane', () => {
  expect(new KeyHistory().lanes([KEY], T, T)).toEqual([{ keyId: KEY, spans: [] }]);
});
