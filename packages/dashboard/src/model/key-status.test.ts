import type { KeyView } from '@openrouter-proxy/kms-protocol';
import { standingOf } from '@openrouter-proxy/kms-protocol/key-standing';
import { describe, expect, it } from 'vitest';
import { samplePage } from '../../test/fixtures/sample.ts';
import { accountsOf, needsAttention } from './key-status.ts';

const { keys } = samplePage().snapshot;
const states = (key: KeyView) => standingOf(key);

describe('how keys stand', () => {
  it('is told in one word each, a key with limits being limited though available', () => {
    expect(keys.map(states)).toEqual(['serving', 'cooling', 'limited', 'returning', 'disabled']);
  });

  it('is refused when OpenRouter refused the key last, whatever the pool makes of it', () => {
    const [first] = keys;
    const check = { since: 1, at: 2, status: 401, detail: 'User not found.' };
    expect(first && standingOf({ ...first, check: { ...check, verdict: 'refused' } })).toBe(
      'refused',
    );
  });

  it('is unreachable while there is no way to OpenRouter, and then asks for attention', () => {
    const [first] = keys;
    const upstream = { kind: 'connection_failed', since: 1, detail: 'ECONNREFUSED' } as const;
    expect(first && standingOf({ ...first, upstream })).toBe('unreachable');
    expect(first && needsAttention({ ...first, upstream })).toBe(true);
  });

  it('asks for attention where a key does not just serve', () => {
    expect(keys.map(needsAttention)).toEqual([false, true, true, true, true]);
  });

  it('asks for attention where somebody else spends', () => {
    const key = keys[0];
    expect(key && needsAttention({ ...key, unexplainedCost: 0.01 })).toBe(true);
  });

  it('names each account once, with its keys, those first that have used most', () => {
    expect(accountsOf(keys).map(({ name, keyNames }) => [name, keyNames])).toEqual([
      ['account-3', ['batch']],
      ['research', ['production', 'team-b']],
      ['account-2', ['team-c']],
      ['account-4', ['spare']],
    ]);
  });
});
