import { randomBytes } from 'node:crypto';
import { Secret } from '@openrouter-proxy/runtime';
import type { ConfiguredKey } from '../../src/keys/key-records.ts';

/** A key of OpenRouter's form that was never given out. */
const fakeSecret = () => `sk-or-v1-${randomBytes(32).toString('hex')}`;

/** Keys named k0, k1, …; `caps` holds the most leases of each. */
export function fakeKeys(...caps: readonly (number | null)[]): ConfiguredKey[] {
  return caps.map((maxConcurrency, index) => ({
    secret: new Secret(fakeSecret()),
    name: `k${index}`,
    account: null,
    maxConcurrency,
  }));
}
