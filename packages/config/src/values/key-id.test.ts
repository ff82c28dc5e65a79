import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { Secret } from '@openrouter-proxy/runtime';
import { keyIdOf } from './key-id.ts';

const secret = new Secret(`sk-or-v1-${'0'.repeat(64)}`.replace(/0$/, '1'));

it('is twelve hexadecimal digits and always the same', () => {
  expect(keyIdOf(secret)).toMatch(/^[0-9a-f]{12}$/);
  expect(keyIdOf(secret)).toBe(keyIdOf(secret));
});

it('tells keys apart', () => {
  expect(keyIdOf(secret)).not.toBe(keyIdOf(new Secret(`${secret.reveal()}2`)));
});

it('is no part of the hash by which OpenRouter names the key', () => {
  expect(createHash('sha256').update(secret.reveal()).digest('hex')).not.toContain(keyIdOf(secret));
});
