import fc from 'fast-check';
import { expect, it } from 'vitest';
import { painter } from './style.ts';
import { table, wrap } from './table.ts';
import { textWidth } from './text-width.ts';

const paint = painter(false);

it('columns are as wide as what is in them, and numbers stand at the right', () => {
  const columns = [{ title: 'NAME' }, { title: 'COUNT', align: 'right' as const }];
  const rows = [
    ['one', '1'],
    ['another', '1,000'],
  ];
  expect(table(columns, rows, { width: 80, paint })).toBe(
    'NAME     COUNT\none          1\nanother  1,000\n',
  );
});

it('a column that may shrink goes on in the next line', () => {
  const columns = [{ title: 'A' }, { title: 'WHY', shrinksTo: 8 }];
  const text = table(columns, [['x', 'because it had to be so']], { width: 15, paint });
  expect(text).toBe('A  WHY\nx  because it\n   had to be so\n');
});

it('control characters are replaced by a sign', () => {
  expect(table([{ title: 'A' }], [['\u001b[31mred\u202e']], { width: 80, paint })).toBe(
    'A\n�[31mred�\n',
  );
});

it('no line is wider than the terminal, and no text is lost', () => {
  const texts = fc.array(
    fc.tuple(fc.string({ maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 80 })),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(texts, fc.integer({ min: 40, max: 120 }), (rows, width) => {
      const columns = [
        { title: 'ONE', shrinksTo: 8 },
        { title: 'TWO', shrinksTo: 8 },
      ];
      for (const line of table(columns, rows, { width, paint }).split('\n')) {
        expect(textWidth(line)).toBeLessThanOrEqual(width);
      }
    }),
  );
});

it('text is broken between words, and within one that is too long', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
  expect(wrap('表表表', 4)).toEqual(['表表', '表']);
});
