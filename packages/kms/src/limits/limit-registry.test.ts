import { describe, expect, it } from 'vitest';
import { CONNECTION_BACK_OFF, MODEL_BACK_OFF, backOffMs } from './back-off.ts';
import type { Limit, Subject } from './limit.ts';
import { LimitRegistry } from './limit-registry.ts';

const T = Date.UTC(2026, 9, 2);
const MODEL: Subject = { scope: 'model', model: 'm' };
const CAUSE = { reason: 'provider_limited', detail: 'full' };
const middle = () => 0.5;

const until = (subject: Subject, end: number) =>
  ({ kind: 'limit', subject, end: { until: end, source: 'header' } }) as const;
const backOff = () => ({ kind: 'back-off', subject: MODEL, backOff: MODEL_BACK_OFF }) as const;

describe('a limit', () => {
  it('holds until its end, not a millisecond longer', () => {
    const book = new LimitRegistry(middle);
    book.apply(until(MODEL, T + 100), CAUSE, T);
    expect(book.on(MODEL, T + 99)).toMatchObject({
      until: T + 100,
      cause: { ...CAUSE, source: 'header' },
    });
    expect(book.on(MODEL, T + 100)).toBeUndefined();
  });

  it('is made longer by a report, never shorter', () => {
    const book = new LimitRegistry(middle);
    book.apply(until(MODEL, T + 100), CAUSE, T);
    expect(book.apply(until(MODEL, T + 50), CAUSE, T)).toBeUndefined();
    expect(book.apply(until(MODEL, T + 150), CAUSE, T)).toMatchObject({ until: T + 150 });
    expect(book.on(MODEL, T + 149)).toBeDefined();
  });

  it('has no more left than at its beginning after the clock was set back', () => {
    const book = new LimitRegistry(middle);
    book.apply(until(MODEL, T + 100), CAUSE, T);
    expect(book.on(MODEL, T - 5_000)).toMatchObject({ since: T - 5_000, until: T - 4_900 });
  });

  it('is of its subject alone', () => {
    const book = new LimitRegistry(middle);
    book.apply(until({ scope: 'account', account: 'a', pool: 'free' }, T + 100), CAUSE, T);
    expect(book.on({ scope: 'account', account: 'a', pool: 'paid' }, T)).toBeUndefined();
    expect(book.on({ scope: 'account', account: 'b', pool: 'free' }, T)).toBeUndefined();
    expect(book.on({ scope: 'model', model: 'a' }, T)).toBeUndefined();
  });

  it('can be lifted', () => {
    const book = new LimitRegistry(middle);
    book.apply(until(MODEL, T + 100), CAUSE, T);
    const { version } = book;
    expect(book.lift(MODEL, T)).toBe(true);
    expect(book.version).toBeGreaterThan(version);
    expect(book.on(MODEL, T)).toBeUndefined();
    expect(book.lift(MODEL, T)).toBe(false);
  });

  it('is one of a bounded number, of which the first to end is forgotten first', () => {
    const book = new LimitRegistry(middle);
    for (let n = 0; n <= 10_000; n += 1) {
      book.apply(until({ scope: 'model', model: `m${n}` }, T + 1_000 + n), CAUSE, T);
    }
    expect(book.all(T)).toHaveLength(10_000);
    expect(book.on({ scope: 'model', model: 'm0' }, T)).toBeUndefined();
    expect(book.on({ scope: 'model', model: 'm1' }, T)).toBeDefined();
  });
});

describe('a back-off', () => {
  it('doubles with each time in a row', () => {
    const book = new LimitRegistry(middle);
    let now = T;
    const lengths = Array.from({ length: 8 }, () => {
      const limit = book.apply(backOff(), CAUSE, now);
      const length = (limit?.until ?? 0) - now;
      now += length;
      return length;
    });
    expect(lengths).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('is not made longer by those who were under way when it began', () => {
    const book = new LimitRegistry(middle);
    book.apply(backOff(), CAUSE, T);
    for (let n = 0; n < 50; n += 1) expect(book.apply(backOff(), CAUSE, T + 500)).toBeUndefined();
    expect(book.on(MODEL, T + 1_000)).toBeUndefined();
  });

  it('begins anew after a success, and after a long time', () => {
    const book = new LimitRegistry(middle);
    book.apply(backOff(), CAUSE, T);
    book.lift(MODEL, T + 2_000);
    expect(book.apply(backOff(), CAUSE, T + 2_000)?.until).toBe(T + 3_000);
    const later = T + 3_000 + 10 * 60_000;
    expect(book.apply(backOff(), CAUSE, later)?.until).toBe(later + 1_000);
  });

  it('is spread, so that those who failed together do not come back together', () => {
    expect(backOffMs(CONNECTION_BACK_OFF, 1, () => 0)).toBe(800);
    expect(backOffMs(CONNECTION_BACK_OFF, 1, () => 0.999_999)).toBe(1_200);
    expect(backOffMs(CONNECTION_BACK_OFF, 1_000, middle)).toBe(30_000);
    expect(backOffMs(CONNECTION_BACK_OFF, 1_000, () => 0)).toBe(24_000);
  });

  it('is never longer than its longest delay', () => {
    for (const level of [1, 5, 6, 7, 1_000]) {
      const delay = backOffMs(CONNECTION_BACK_OFF, level, () => 0.999_999);
      expect(delay).toBeLessThanOrEqual(CONNECTION_BACK_OFF.longestMs);
    }
  });
});

it('knows whether a model is limited on some key or account', () => {
  const book = new LimitRegistry(middle);
  book.apply(until({ scope: 'key-model', keyId: 'k', model: 'm' }, T + 1), CAUSE, T);
  expect(book.concernsModel('m')).toBe(true);
  expect(book.concernsModel('n')).toBe(false);
});

describe('what the book tells', () => {
  const about = (model: string): Subject => ({ scope: 'model', model });

  it('is every limit in force, the longest first, equals always in the same order', () => {
    const book = new LimitRegistry(middle);
    book.apply(until(about('b'), T + 50), CAUSE, T);
    book.apply(until(about('a'), T + 50), CAUSE, T);
    book.apply(until(about('c'), T + 90), CAUSE, T);
    book.apply(until(about('d'), T + 10), CAUSE, T);
    const names = (now: number) =>
      book.all(now).map(({ subject }) => 'model' in subject && subject.model);
    expect(names(T + 10)).toEqual(['c', 'a', 'b']);
    expect(names(T + 90)).toEqual([]);
  });

  it('has another version after every change, and after nothing else', () => {
    const book = new LimitRegistry(middle);
    const versions = [book.version];
    book.apply(until(MODEL, T + 50), CAUSE, T);
    versions.push(book.version);
    book.apply(until(MODEL, T + 50), CAUSE, T);
    expect(book.version).toBe(versions[1]);
    book.apply(until(MODEL, T + 60), CAUSE, T);
    versions.push(book.version);
    book.lift(MODEL, T);
    versions.push(book.version);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(versions).size).toBe(4);
    book.lift(MODEL, T);
    book.lift(about('never limited'), T);
    expect(book.version).toBe(versions[3]);
  });

  it('is not that a limit was lifted which was over', () => {
    const book = new LimitRegistry(middle);
    book.apply(until(MODEL, T + 50), CAUSE, T);
    expect(book.lift(MODEL, T + 50)).toBe(false);
  });

  it('begins with what was kept', () => {
    const limit: Limit = {
      subject: { scope: 'account-model', account: 'a', model: 'm' },
      since: T,
      until: T + 50,
      cause: { ...CAUSE, source: 'header' },
      level: 2,
    };
    const book = new LimitRegistry(middle, [limit]);
    expect(book.on(limit.subject, T)).toEqual(limit);
    expect(book.concernsModel('m')).toBe(true);
  });

  it('is that no model is limited on a key where only the model is, or an account', () => {
    const book = new LimitRegistry(middle);
    book.apply(until(MODEL, T + 50), CAUSE, T);
    book.apply(until({ scope: 'account', account: 'm', pool: 'all' }, T + 50), CAUSE, T);
    expect(book.concernsModel('m')).toBe(false);
  });

  it('forgets which models were limited with the limits', () => {
    const book = new LimitRegistry(middle);
    const onKey = (n: number): Subject => ({ scope: 'key-model', keyId: 'k', model: `m${n}` });
    const onAccount: Subject = { scope: 'account-model', account: 'a', model: 'kept' };
    book.apply(until(onAccount, T + 1e9), CAUSE, T);
    for (let n = 0; n < 10_000; n += 1) book.apply(until(onKey(n), T + 1_000 + n), CAUSE, T);
    expect(book.concernsModel('m0')).toBe(false);
    expect(book.concernsModel('m1')).toBe(true);
    expect(book.concernsModel('kept')).toBe(true);
  });

  it('makes no back-off longer for a level of long ago, and one for a level of just now', () => {
    const book = new LimitRegistry(middle);
    const end = book.apply(backOff(), CAUSE, T)?.until ?? 0;
    const late = end + 10 * 60_000 - 1;
    expect(book.apply(backOff(), CAUSE, late)?.until).toBe(late + 2_000);
  });
});
