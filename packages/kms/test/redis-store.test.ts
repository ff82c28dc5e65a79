import { randomBytes } from 'node:crypto';
import { describe } from 'vitest';
import { useRedis } from './support/redis-server.ts';
import { openTimed } from './support/redis-store.ts';
import { describeStateStore } from './support/state-store-conformance.ts';

const T = Date.UTC(2026, 9, 2, 12);

describe('with a Redis', () => {
  const redis = useRedis();

  describeStateStore('the Redis store', () => {
    const prefix = randomBytes(4).toString('hex');
    const kept = new Map<string, string>();
    return () => openTimed({ url: redis().url, prefix, kept }, T);
  });
});
