import { expect, it } from 'vitest';
import { nearestKeyId } from './nearest-key.ts';

const ids = ['0123456789ab', 'fedcba987654'];

it('finds the key of which a few digits are wrong', () => {
  expect(nearestKeyId('fedcba98765f', ids)).toBe('fedcba987654');
  expect(nearestKeyId('0123956789ab', ids)).toBe('0123456789ab');
});

it('finds none where none is meant', () => {
  expect(nearestKeyId('777777777777', ids)).toBeNull();
  expect(nearestKeyId('777777777777', [])).toBeNull();
});
