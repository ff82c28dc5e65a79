import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readYaml } from './yaml-document.ts';

test('the line of a value is that of its key, or of its entry in a list', () => {
  const document = readYaml('a:\n  b:\n    - 1\n    - c: 3\n');
  expect(document.lineOf(['a'])).toBe(1);
  expect(document.lineOf(['a', 'b', 0])).toBe(3);
  expect(document.lineOf(['a', 'b', 1, 'c'])).toBe(4);
});

test('the line of what is missing is that of what is around it', () => {
  const document = readYaml('a:\n  b:\n    - c: 3\n');
  expect(document.lineOf(['a', 'b', 0, 'd'])).toBe(3);
  expect(document.lineOf(['a', 'x', 'y'])).toBe(1);
  expect(readYaml('').lineOf(['a'])).toBeUndefined();
});

test('a path through an alias leads to what it stands for', () => {
  expect(readYaml('a: &x\n  b: 1\nc: *x\n').lineOf(['c', 'b'])).toBe(2);
});

test('words that YAML 1.1 took for booleans, dates and numbers stay texts', () => {
  expect(readYaml('{ a: yes, b: off, c: 2020-01-01, d: 1_000, e: 1:30 }').value).toEqual({
    a: 'yes',
    b: 'off',
    c: '2020-01-01',
    d: '1_000',
    e: '1:30',
  });
});

test('a few aliases that multiply give shared values, not copies', () => {
  const lines = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`);
  const { value, problems } = readYaml(['a0: &a0 [x, x]', ...lines].join('\n'));
  expect(problems).toEqual([]);
  expect(value).toHaveProperty('a9');
});

test.each([
  ['brackets', '['.repeat(250_000)],
  ['mappings', '{a: '.repeat(60_000)],
  ['lists', '- '.repeat(120_000)],
  ['questions', '? '.repeat(120_000)],
  ['anchors', '&a '.repeat(80_000)],
  ['directives', '%A\n'.repeat(80_000)],
])('a quarter of a megabyte of %s is refused, not thrown upon', (_, source) => {
  const { value, problems } = readYaml(source);
  expect(value).toBeUndefined();
  expect(problems.length).toBeGreaterThan(0);
});

test('any data that is written as YAML is read back', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      fc.pre(!JSON.stringify(value).includes('__proto__') && !JSON.stringify(value).includes('<<'));
      const text = stringify(value, { aliasDuplicateObjects: false });
      expect(readYaml(text).value).toEqual(value);
    }),
  );
});

test('any text at all is read or refused', () => {
  const piece = fc.constantFrom(
    ...[
      'a',
      'b: ',
      '- ',
      '? ',
      ': ',
      '&x ',
      '*x ',
      '!t ',
      '<<: ',
      '\n',
      '\n  ',
      '\t',
      '#',
      '%',
      '"',
      "'",
    ],
    ...['[', ']', '{', '}', ',', '|', '>', '---', '...', '\\', '\0', '😀', '\ud800', '`', '@'],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const { value, problems } = readYaml(pieces.join(''));
      expect(value === undefined ? problems.length : 1).toBeGreaterThan(0);
    }),
    { numRuns: 2_000 },
  );
});
