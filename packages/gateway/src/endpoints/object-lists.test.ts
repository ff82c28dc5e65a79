import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemsOf, listDocument, pageOf, readListQuery, type ListQuery } from './object-lists.ts';

const query = (text: string): ListQuery => {
  const read = readListQuery(new URLSearchParams(text));
  if (typeof read === 'string') throw new Error(read);
  return read;
};
const objects = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `f${count - n}`, account: n % 2 ? 'a' : 'b' }));
const ids = (page: ReturnType<typeof pageOf>) => page?.objects.map(({ id }) => id);

describe('pageOf', () => {
  it('gives the latest first, and says whether there are more', () => {
    expect(pageOf(objects(3), query('limit=2'))).toMatchObject({ hasMore: true });
    expect(ids(pageOf(objects(3), query('limit=2')))).toEqual(['f3', 'f2']);
    expect(ids(pageOf(objects(3), query('limit=2&after=f2')))).toEqual(['f1']);
    expect(ids(pageOf(objects(3), query('order=asc')))).toEqual(['f1', 'f2', 'f3']);
  });

  it('gives the page that ends before an id', () => {
    expect(ids(pageOf(objects(5), query('limit=2&before_id=f2')))).toEqual(['f4', 'f3']);
  });

  it('knows no page behind an id of another client', () => {
    expect(pageOf(objects(3), query('after=foreign'))).toBeNull();
    expect(pageOf(objects(3), query('before_id=foreign'))).toBeNull();
  });

  it('shows each object once, whatever the size of the pages', () => {
    fc.assert(
      fc.property(
        fc.nat(60),
        fc.integer({ min: 1, max: 70 }),
        fc.boolean(),
        (count, limit, asc) => {
          const all = objects(count);
          const seen: string[] = [];
          let after: string | null = null;
          for (let pages = 0; pages <= count; pages += 1) {
            const read: ListQuery = { ...query(''), limit, order: asc ? 'asc' : 'desc', after };
            const page = pageOf(all, read);
            seen.push(...(ids(page) ?? []));
            after = seen.at(-1) ?? null;
            if (page?.hasMore !== true) break;
          }
          const expected = all.map(({ id }) => id);
          expect(seen).toEqual(asc ? expected.toReversed() : expected);
        },
      ),
    );
  });
});

it.each(['limit=0', 'limit=x', 'limit=1.5', 'order=up', 'provider=other'])(
  'refuses the query %s with words',
  (text) => {
    expect(readListQuery(new URLSearchParams(text))).toMatch(/must be/);
  },
);

describe('listDocument', () => {
  const items = itemsOf({ data: [{ id: 'f1', x: 1 }, { id: 'f3', x: 3 }, { id: 'foreign' }, 7] });
  const page = pageOf(objects(3), query('limit=3')) ?? { objects: [], hasMore: false };

  it('holds the objects of the page only, in its order, without those that are gone', () => {
    const document = listDocument(page, items, { kind: 'file', shape: 'openrouter' });
    expect(document).toEqual({
      _shape: 'openrouter',
      data: [
        { id: 'f3', x: 3 },
        { id: 'f1', x: 1 },
      ],
      ...{ has_more: false, first_id: 'f3', last_id: 'f1', cursor: null },
    });
  });

  it("has OpenAI's form for batches", () => {
    const document = listDocument({ ...page, hasMore: true }, items, {
      ...{ kind: 'batch', shape: 'openrouter' },
    });
    expect(document).toMatchObject({ object: 'list', has_more: true, last_id: 'f1' });
    expect(document).not.toHaveProperty('_shape');
  });

  it('is empty for what is no list', () => {
    expect(itemsOf('no list').size).toBe(0);
    expect(itemsOf({ data: {} }).size).toBe(0);
  });
});
