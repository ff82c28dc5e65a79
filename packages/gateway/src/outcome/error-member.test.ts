import { expect, it } from 'vitest';
import { reportsError } from './error-member.ts';

it.each([
  [undefined],
  [null],
  [false],
  [0],
  [''],
  ['  \n'],
  [{}],
  [[]],
  [{ message: '', code: null, metadata: {} }],
  [{ code: 0 }],
])('an error member of %j reports no error', (error) => {
  expect(reportsError(error)).toBe(false);
});

it.each([
  ['overloaded'],
  [true],
  [502],
  [{ message: 'x' }],
  [{ message: '', code: 502 }],
  [['x']],
  [{ metadata: { raw: 'x' } }],
])('an error member of %j reports an error', (error) => {
  expect(reportsError(error)).toBe(true);
});
