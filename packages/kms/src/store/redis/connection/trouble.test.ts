import { expect, test } from 'vitest';
import { troubleWith, wantsNewConnection } from './trouble.ts';

test.each([
  ['LOADING Redis is loading the dataset in memory', 'Redis loads its data', false],
  ["READONLY You can't write against a read only replica.", 'Redis is a read-only replica', true],
  ['NOPERM this user has no permissions', 'Redis forbids its user what is needed', false],
  ['Command timed out', 'Redis does not answer', true],
  ['ERR Protocol error: unauthenticated multibulk length', 'Redis wants a password', false],
  ["Stream isn't writeable and enableOfflineQueue options is false", 'Redis cannot be', false],
  ['All sentinels are unreachable.', 'Redis cannot be reached', false],
])('%s', (message, trouble, isBetterElsewhere) => {
  expect(troubleWith(new Error(message))).toContain(trouble);
  expect(wantsNewConnection(new Error(message))).toBe(isBetterElsewhere);
});

test('a connection that is refused says with what', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  expect(troubleWith(refused)).toBe('Redis cannot be reached (ECONNREFUSED)');
});
