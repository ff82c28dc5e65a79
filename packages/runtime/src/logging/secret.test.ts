import { randomUUID } from 'node:crypto';
import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './secret.ts';

const value = randomUUID();
const secret = new Secret(value);

describe('a secret', () => {
  it('is revealed when asked', () => {
    expect(secret.reveal()).toBe(value);
  });

  it.each([
    ['a template', () => `${String(secret)} ${[secret].join()}`],
    ['JSON', () => JSON.stringify({ secret, list: [secret] })],
    ['inspect', () => inspect({ secret }, { depth: null, showHidden: true, getters: true })],
    ['format', () => format('%s %j %o %O', secret, secret, secret, secret)],
    [`an error's cause`, () => inspect(new Error('failed', { cause: secret }))],
    [
      'its own properties',
      () => JSON.stringify([Object.entries(secret), Object.assign({}, secret)]),
    ],
    ['a structured clone', () => inspect(structuredClone(secret))],
  ])('is not printed by way of %s', (_way, print) => {
    expect(print()).not.toContain(value);
  });
});
