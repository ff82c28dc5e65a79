import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearest } from './nearest-name.ts';

const word = fc.string({ maxLength: 12 });

test.each([
  ['', '', 0],
  ['kitten', 'sitting', 3],
  ['stratgy', 'strategy', 1],
  ['ab', 'ba', 1],
  ['prot', 'port', 1],
  ['ca', 'abc', 2],
])('from %j to %j it takes %d changes', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
});

test('the edit distance is symmetric', () => {
  fc.assert(fc.property(word, word, (a, b) => editDistance(a, b) === editDistance(b, a)));
});

test('the edit distance is zero for equal words only', () => {
  fc.assert(fc.property(word, word, (a, b) => (editDistance(a, b) === 0) === (a === b)));
});

test('the edit distance satisfies the triangle inequality', () => {
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
    }),
  );
});

test('the nearest candidate is found, whatever the case', () => {
  expect(nearest('PROT', ['host', 'port', 'access_key'])).toBe('port');
  expect(nearest('Porrt', ['host', 'port', 'access_key'])).toBe('port');
});

test('nothing is suggested for a word unlike all candidates', () => {
  expect(nearest('colour', ['host', 'port'])).toBeUndefined();
});
