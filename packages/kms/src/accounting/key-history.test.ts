import { expect, test } from 'vitest';
import { KeyHistory } from './key-history.ts';
import type { StatusPeriod } from './key-status.ts';

const T = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60_000;
const KEY = '0123456789ab';
const at = (minutes: number) => T + minutes * MINUTE;
const serving = (from: number): StatusPeriod => ({
  ...{ kind: 'serving', from: at(from), until: null, why: '' },
});
const cooling = (from: number, until: number): StatusPeriod => ({
  ...{ kind: 'cooling', from: at(from), until: at(until), why: 'rate_limited' },
});
const limited = (from: number, until: number, why = 'free models'): StatusPeriod => ({
  ...{ kind: 'limited', from: at(from), until: at(until), why },
});

/** A history of one key that serves since minute 0. */
function begun(): KeyHistory {
  const history = new KeyHistory();
  history.begin(KEY, serving(0), new Map());
  return history;
}

/** The spans of the key in minutes, as they are known at a minute. */
const spansOf = (history: KeyHistory, now: number, since = 0) =>
  (history.lanes([KEY], at(since), at(now))[0]?.spans ?? []).map(({ kind, from, to }) => [
    kind,
    (from - T) / MINUTE,
    to === null ? null : (to - T) / MINUTE,
  ]);
const sinceOf = (history: KeyHistory, now: number) =>
  ((history.statusOf(KEY, at(now))?.from ?? NaN) - T) / MINUTE;

test('each span lasts until the next begins, and the last goes on', () => {
  const history = begun();
  history.setState(KEY, cooling(1, 9), at(1));
  history.setState(KEY, serving(2), at(2));
  expect(spansOf(history, 3)).toEqual([
    ['serving', 0, 1],
    ['cooling', 1, 2],
    ['serving', 2, null],
  ]);
});

test('a cooldown that ends by itself is followed by service, whether or not it was noticed', () => {
  const history = begun();
  history.setState(KEY, cooling(1, 2), at(1));
  expect(spansOf(history, 1.5)).toEqual([
    ['serving', 0, 1],
    ['cooling', 1, null],
  ]);
  expect(spansOf(history, 3).slice(1)).toEqual([
    ['cooling', 1, 2],
    ['serving', 2, null],
  ]);
  history.setState(KEY, { ...serving(2), kind: 'returning' }, at(4));
  expect(spansOf(history, 4).slice(1)).toEqual([
    ['cooling', 1, 2],
    ['returning', 2, null],
  ]);
});

test('a key is limited for as long as any of its limits lasts', () => {
  const history = begun();
  history.setLimit(KEY, 'free', limited(10, 30), at(10));
  history.setLimit(KEY, 'a/b', limited(11, 12, 'a/b'), at(11));
  history.setLimit(KEY, 'c/d', limited(20, 40, 'c/d'), at(20));
  expect(spansOf(history, 50)).toEqual([
    ['serving', 0, 10],
    ['limited', 10, 20],
    ['limited', 20, 40],
    ['serving', 40, null],
  ]);
  history.lift(KEY, 'c/d', at(25));
  expect(spansOf(history, 26)).toEqual([
    ['serving', 0, 10],
    ['limited', 10, 20],
    ['limited', 20, 25],
    ['limited', 25, null],
  ]);
});

test('a limit that outlasts a cooldown shows when that ends', () => {
  const history = begun();
  history.setLimit(KEY, 'free', limited(1, 60), at(1));
  history.setState(KEY, cooling(5, 10), at(5));
  history.setLimit(KEY, 'a/b', limited(6, 50, 'a/b'), at(6));
  expect(spansOf(history, 61)).toEqual([
    ['serving', 0, 1],
    ['limited', 1, 5],
    ['cooling', 5, 10],
    ['limited', 10, 60],
    ['serving', 60, null],
  ]);
});

test('tells since when a key stands as it does', () => {
  const history = begun();
  expect(sinceOf(history, 9)).toBe(0);
  history.setLimit(KEY, 'free', limited(10, 30), at(10));
  expect(sinceOf(history, 10)).toBe(10);
  history.setLimit(KEY, 'a/b', limited(20, 40, 'a/b'), at(20));
  expect(sinceOf(history, 35)).toBe(10);
  expect(sinceOf(history, 41)).toBe(40);
  history.setState(KEY, cooling(50, 60), at(50));
  history.setState(KEY, cooling(55, 90), at(55));
  expect(sinceOf(history, 58)).toBe(50);
  expect(new KeyHistory().statusOf(KEY, T)).toBeNull();
});

test('a limit that was known at the start counts from its own beginning', () => {
  const history = new KeyHistory();
  history.begin(KEY, serving(0), new Map([['free', limited(-30, 30)]]));
  expect(sinceOf(history, 1)).toBe(-30);
  expect(sinceOf(history, 31)).toBe(30);
});

test('what another machine tells late does not rewrite what was', () => {
  const history = begun();
  history.setState(KEY, cooling(10, 40), at(10));
  history.setState(KEY, serving(5), at(20));
  expect(spansOf(history, 21)).toEqual([
    ['serving', 0, 10],
    ['cooling', 10, 20],
    ['serving', 20, null],
  ]);
});

test('what is over before the time that is asked for is left out', () => {
  const history = begun();
  history.setState(KEY, cooling(1, 2), at(1));
  expect(spansOf(history, 10, 5)).toEqual([['serving', 2, null]]);
});

test('no more is remembered than may be told', () => {
  const history = begun();
  for (let n = 1; n < 1_000; n += 2) {
    history.setState(KEY, cooling(n, n + 1), at(n));
    history.setState(KEY, serving(n + 1), at(n + 1));
  }
  expect(spansOf(history, 1_000, -1).length).toBeLessThanOrEqual(200);
  for (let n = 0; n < 100; n += 1)
    history.setLimit(KEY, `m/${n}`, limited(n, 2_000 + n), at(1_001));
  expect(spansOf(history, 5_000).at(-1)).toEqual(['serving', 2_099, null]);
});

test('what lasts no time is not remembered', () => {
  const history = begun();
  history.setState(KEY, cooling(0, 1), at(0));
  history.setState(KEY, serving(0), at(0));
  expect(spansOf(history, 1)).toEqual([['serving', 0, null]]);
});

test('keys of which nothing is known have an empty lane', () => {
  expect(new KeyHistory().lanes([KEY], T, T)).toEqual([{ keyId: KEY, spans: [] }]);
});

test('a key that OpenRouter refuses is refused in its history, until OpenRouter accepts it', () => {
  const history = begun();
  const refused: StatusPeriod = { kind: 'refused', from: at(1), until: null, why: 'HTTP 401' };
  history.setContact(KEY, refused, at(1));
  history.setState(KEY, cooling(2, 9), at(2));
  history.setState(KEY, serving(3), at(3));
  history.setContact(KEY, null, at(4));
  expect(spansOf(history, 5)).toEqual([
    ['serving', 0, 1],
    ['refused', 1, 4],
    ['serving', 4, null],
  ]);
});

test('a key that an operator has disabled is disabled in its history, whatever OpenRouter says', () => {
  const history = begun();
  const disabled: StatusPeriod = { kind: 'disabled', from: at(1), until: null, why: 'an operator' };
  history.setState(KEY, disabled, at(1));
  history.setContact(KEY, { kind: 'refused', from: at(2), until: null, why: '' }, at(2));
  expect(spansOf(history, 3)).toEqual([
    ['serving', 0, 1],
    ['disabled', 1, null],
  ]);
});

test('while OpenRouter cannot be reached a key is unreachable, but a cooldown is told first', () => {
  const history = begun();
  history.setContact(KEY, { kind: 'unreachable', from: at(1), until: null, why: '' }, at(1));
  history.setState(KEY, cooling(2, 3), at(2));
  expect(spansOf(history, 4)).toEqual([
    ['serving', 0, 1],
    ['unreachable', 1, 2],
    ['cooling', 2, 3],
    ['unreachable', 3, null],
  ]);
});
