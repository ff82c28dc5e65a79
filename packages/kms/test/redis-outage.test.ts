import { setTimeout as sleep } from 'node:timers/promises';
import { KmsError, type KmsClient } from '@openrouter-proxy/kms-protocol';
import { Secret } from '@openrouter-proxy/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConfiguredKey } from '../src/keys/key-records.ts';
import { fakeKeys } from './support/fake-keys.ts';
import { useRedisServers, type RedisServer } from './support/redis-server.ts';
import { handOverFor, REQUEST, useKms } from './support/start-kms.ts';
import { startForwarder, type TcpForwarder } from './support/tcp-forwarder.ts';
import { useTempFolders } from './support/temp-folder.ts';

/** How often each fault is tried; `REDIS_ROUNDS=7` makes more than fifty outages. */
const ROUNDS = Number(process.env['REDIS_ROUNDS'] ?? 1);
/** How long a slow Redis answers nothing: longer than any deadline of a command. */
const SLOW_FOR_SECONDS = 5;
const WORKERS = 8;
/** So many further leases show that no worker waits for Redis. */
const LEASES = 3 * 2 * WORKERS;

type Policy = 'static' | 'open' | 'closed';

const newFolder = useTempFolders();
const kms = useKms();
const startRedis = useRedisServers();
const forwarders: TcpForwarder[] = [];
afterEach(async () => {
  await Promise.all(forwarders.splice(0).map((forwarder) => forwarder.close()));
});

interface Machine {
  readonly gateway: KmsClient;
  readonly operator: KmsClient;
  readonly way: TcpForwarder;
}

async function startMachine(
  redis: RedisServer,
  keys: readonly ConfiguredKey[],
  onOutage: Policy,
): Promise<Machine> {
  const way = await startForwarder(redis.port);
  forwarders.push(way);
  const url = new Secret(`redis://127.0.0.1:${way.port}`);
  const configuration = handOverFor(newFolder(), keys, {
    redis: { url, prefix: 'pool', onOutage },
  });
  await kms.start(configuration);
  return {
    gateway: kms.connect(configuration.socket, 'gateway'),
    operator: kms.connect(configuration.socket, 'operator'),
    way,
  };
}

async function startPair(onOutage: Policy, keys = fakeKeys(null, null, null, null)) {
  const redis = await startRedis();
  const machines = [
    await startMachine(redis, keys, onOutage),
    await startMachine(redis, keys, onOutage),
  ] as const;
  const { keys: views } = await machines[0].operator.call('keys.list', {});
  return { redis, machines, keyIds: views.map(({ keyId }) => keyId) };
}

/** What is done to Redis, and how it is undone. */
interface Fault {
  begin(redis: RedisServer, machines: readonly Machine[]): unknown;
  end(redis: RedisServer, machines: readonly Machine[]): unknown;
  /** It is over before anybody notices. */
  readonly isHarmless?: boolean;
}

const ways = (machines: readonly Machine[], way: Parameters<TcpForwarder['set']>[0]) => {
  for (const machine of machines) machine.way.set(way);
  return Promise.resolve();
};

const FAULTS: Record<string, Fault> = {
  'is killed': { begin: (redis) => redis.stop(), end: (redis) => redis.restart() },
  'is stopped': {
    begin(redis) {
      redis.kill('SIGSTOP');
    },
    end(redis) {
      redis.kill('SIGCONT');
    },
  },
  'becomes a read-only replica': {
    begin: (redis) => redis.admin('REPLICAOF', '127.0.0.1', 1),
    end: (redis) => redis.admin('REPLICAOF', 'NO', 'ONE'),
  },
  'loads its data': {
    async begin(redis) {
      await redis.admin('CONFIG', 'SET', 'loading-process-events-interval-bytes', 1024);
      await redis.admin('DEBUG', 'POPULATE', 300, 'filler', 2000);
      await redis.admin('CONFIG', 'SET', 'key-load-delay', 10_000);
      redis.admin('DEBUG', 'RELOAD').catch(() => undefined);
    },
    async end(redis) {
      await expect
        .poll(() => redis.admin('CONFIG', 'SET', 'key-load-delay', 0).catch(() => ''))
        .toBe('OK');
    },
  },
  'is slow': {
    begin: (redis) => Promise.resolve(void redis.admin('DEBUG', 'SLEEP', SLOW_FOR_SECONDS)),
    end: (redis) => redis.admin('PING'),
  },
  'is cut off': {
    begin: (_redis, machines) => ways(machines, 'cut'),
    end: (_redis, machines) => ways(machines, 'open'),
  },
  'is cut off without a word': {
    begin: (_redis, machines) => ways(machines, 'silent'),
    end: (_redis, machines) => ways(machines, 'open'),
  },
  'forgets its scripts': {
    isHarmless: true,
    begin: (redis) => redis.admin('SCRIPT', 'FLUSH'),
    end: () => Promise.resolve(),
  },
  'loses everything': {
    isHarmless: true,
    begin: (redis) => redis.admin('FLUSHALL'),
    end: () => Promise.resolve(),
  },
};

/** Requests without a pause on both machines, until they are stopped. */
function load(machines: readonly Machine[], forbidden: string) {
  const seen = { leases: 0, refused: 0, longestMs: 0, forbidden: 0 };
  let isOver = false;
  const work = async ({ gateway }: Machine) => {
    while (!isOver) {
      const startedAt = performance.now();
      try {
        const { leaseId, keyId } = await gateway.call('lease.acquire', REQUEST);
        seen.leases += 1;
        if (keyId === forbidden) seen.forbidden += 1;
        await gateway.call('lease.report', { leaseId, outcome: { kind: 'success', status: 200 } });
      } catch (error) {
        if (!KmsError.is(error, 'NO_KEY_AVAILABLE')) throw error;
        seen.refused += 1;
        await sleep(20);
      }
      seen.longestMs = Math.max(seen.longestMs, performance.now() - startedAt);
      await sleep(2);
    }
  };
  const all = Promise.all(
    machines.flatMap((each) => Array.from({ length: WORKERS }, () => work(each))),
  );
  return {
    seen,
    async [Symbol.asyncDispose]() {
      isOver = true;
      await all;
    },
  };
}

const isHealthy = async ({ operator }: Machine) =>
  (await operator.call('service.status', {})).store.healthy;
const areHealthy = async (machines: readonly Machine[]) =>
  (await Promise.all(machines.map(isHealthy))).every(Boolean);
const stateOf = async ({ operator }: Machine, keyId: string) =>
  (await operator.call('keys.get', { keyId })).state.kind;

describe('when Redis', () => {
  it.each(Object.keys(FAULTS))(
    '%s, leases go on, and both machines know everything again afterwards',
    { timeout: 600_000 + ROUNDS * 60_000 },
    async (name) => {
      const fault = FAULTS[name];
      if (fault === undefined) throw new Error('it is of the table');
      const { redis, machines, keyIds } = await startPair('static');
      const [a, b] = machines;
      const [disabled = '', cooled = ''] = keyIds;
      await a.operator.call('keys.disable', { keyId: disabled, reason: 'test' });
      await expect.poll(() => stateOf(b, disabled)).toBe('disabled');
      let slowest = 0;
      await using running = load(machines, disabled);
      const { seen } = running;
      for (let round = 0; round < ROUNDS; round += 1) {
        await fault.begin(redis, machines);
        if (fault.isHarmless !== true) await expect.poll(() => isHealthy(a)).toBe(false);
        await a.operator.call('keys.cool', { keyId: cooled, forMs: 600_000, reason: 'test' });
        const before = seen.leases;
        await expect.poll(() => seen.leases).toBeGreaterThan(before + LEASES);
        await fault.end(redis, machines);
        const endedAt = performance.now();
        await expect.poll(() => areHealthy(machines)).toBe(true);
        await expect.poll(() => stateOf(b, cooled)).toBe('cooling');
        slowest = Math.max(slowest, performance.now() - endedAt);
        expect(await stateOf(b, disabled)).toBe('disabled');
        await b.operator.call('keys.uncool', { keyId: cooled });
        await expect.poll(() => stateOf(a, cooled)).toBe('available');
      }
      if (process.env['REDIS_ROUNDS'] !== undefined) report(name, seen, slowest);
      expect(seen).toMatchObject({ refused: 0, forbidden: 0 });
    },
  );

  it('is away, the policy `closed` refuses every lease and names a retry time', async () => {
    const { redis, machines } = await startPair('closed');
    const [{ gateway, operator }] = machines;
    await gateway.call('lease.acquire', REQUEST);
    await redis.stop();
    await expect.poll(() => isHealthy(machines[0])).toBe(false);
    const refused = gateway.call('lease.acquire', REQUEST);
    await expect(refused).rejects.toMatchObject({
      data: { reason: 'state_unavailable', retryAfterMs: 1_000 },
    });
    const { store } = await operator.call('service.status', {});
    expect(store.trouble).toBe('Redis cannot be reached: no lease is allocated');
    await redis.restart();
    await expect.poll(() => isHealthy(machines[0])).toBe(true);
    await gateway.call('lease.acquire', REQUEST);
  });

  it('is away, who may wait for a key has one as soon as it is back', async () => {
    const { redis, machines } = await startPair('closed');
    const [machine] = machines;
    await redis.stop();
    await expect.poll(() => isHealthy(machine)).toBe(false);
    const waiting = machine.gateway.call('lease.acquire', { ...REQUEST, waitMs: 10_000 });
    await redis.restart();
    expect((await waiting).queuedMs).toBeGreaterThan(0);
  });

  it('is not there at the start, the service starts all the same, and says so', async () => {
    const redis = await startRedis();
    await redis.stop();
    const machine = await startMachine(redis, fakeKeys(null), 'open');
    expect(await isHealthy(machine)).toBe(false);
    await machine.gateway.call('lease.acquire', REQUEST);
    await redis.restart();
    await expect.poll(() => isHealthy(machine)).toBe(true);
  });
});

function report(
  name: string,
  { longestMs, leases }: { longestMs: number; leases: number },
  slowest: number,
) {
  console.log(
    `Redis ${name}, ${ROUNDS} times: longest lease ${longestMs.toFixed(0)} ms of ${leases}, all known again within ${slowest.toFixed(0)} ms`,
  );
}
