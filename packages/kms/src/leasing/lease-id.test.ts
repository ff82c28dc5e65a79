import { randomFillSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { contract } from '@openrouter-proxy/kms-protocol';
import { LeaseTokens, leaseIdOf, readLeaseId } from './lease-id.ts';

const newTokens = () => new LeaseTokens((bytes) => randomFillSync(bytes));
const schema = contract['lease.report'].params.shape.leaseId;

describe('a lease id', () => {
  it.each([0, 7, 999_999_999_999_999])(
    'has the form of the contract, in generation %d',
    (generation) => {
      const leaseId = leaseIdOf('0123456789ab', generation, newTokens().next());
      expect(schema.safeParse(leaseId).success).toBe(true);
      expect(readLeaseId(leaseId)).toEqual({ keyId: '0123456789ab', generation });
    },
  );

  it('is never the same as another', () => {
    const tokens = newTokens();
    const seen = new Set(Array.from({ length: 5_000 }, () => tokens.next()));
    expect(seen.size).toBe(5_000);
  });

  it('is known to the life of the service that gave it, and to no other', () => {
    const [tokens, others] = [newTokens(), newTokens()];
    const leaseId = leaseIdOf('0123456789ab', 0, tokens.next());
    expect(tokens.isOfThisLife(leaseId)).toBe(true);
    expect(others.isOfThisLife(leaseId)).toBe(false);
  });
});
