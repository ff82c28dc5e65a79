import { randomBytes } from 'node:crypto';
import { systemClock } from '@openrouter-proxy/runtime';
import { accountMarks } from '../../src/store/redis/records/account-marks.ts';
import { RedisClock } from '../../src/store/redis/connection/redis-clock.ts';
import { openRedisStore, type RedisStoreOptions } from '../../src/store/redis/redis-store.ts';
import type { StateStore } from '../../src/store/state-store.ts';
import { memoryStore } from './memory-store.ts';
import { redisUrl } from './redis-server.ts';

const unheard = { isOfThisLife: (leaseId: string) => leaseId.startsWith('ours') };

/** What a machine is, beside the Redis that it uses. */
export type MachineOptions = Partial<Omit<RedisStoreOptions, 'url'>> & {
  readonly url: string;
  /** Outlives the store, as a file would. */
  readonly kept?: Map<string, string>;
};

/** The store of a machine of its own. */
export function openMachine({ url, kept = new Map(), ...options }: MachineOptions) {
  return openRedisStore({
    prefix: 'test',
    policy: 'static',
    machine: { id: randomBytes(4).toString('hex'), name: 'machine' },
    local: memoryStore({ ...unheard, onInFlight: () => undefined }, kept),
    clock: new RedisClock(systemClock, () => performance.now()),
    keyIds: [],
    marks: () => accountMarks([]),
    onInFlight: () => undefined,
    onOutage: () => undefined,
    onLocalFailure: (error) => {
      throw error;
    },
    ...unheard,
    ...options,
    url: redisUrl(url),
  });
}

/** A store for which it is whatever time it was told last. */
export async function openTimed(options: MachineOptions, startsAt: number): Promise<StateStore> {
  let time = startsAt;
  const at = (now: number) => (time = now);
  const store = await openMachine({ ...options, givenTime: () => time });
  return {
    ...store,
    reserve: (candidates, terms, now) => (at(now), store.reserve(candidates, terms, now)),
    confirm: (leaseId, now) => (at(now), store.confirm(leaseId, now)),
    release: (leaseId, keyId, now, unsent) => (at(now), store.release(leaseId, keyId, now, unsent)),
    adopt: (leases, session, now) => (at(now), store.adopt(leases, session, now)),
    inFlight: (now) => (at(now), store.inFlight(now)),
  };
}
