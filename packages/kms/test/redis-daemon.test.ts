import { readFileSync } from 'node:fs';
import type { Outcome } from '@openrouter-proxy/kms-protocol';
import { Secret } from '@openrouter-proxy/runtime';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConfiguredKey } from '../src/keys/key-records.ts';
import { fakeKeys } from './support/fake-keys.ts';
import { useRedisServers, type RedisServer } from './support/redis-server.ts';
import { SUCCESS } from './support/pool.ts';
import { handOverFor, REQUEST, useKms } from './support/start-kms.ts';
import { useTempFolders } from './support/temp-folder.ts';

const FREE = { ...REQUEST, model: 'some/model:free', client: 'laptop' };

const newFolder = useTempFolders();
const kms = useKms();
const startRedis = useRedisServers();

async function startMachine(url: string, keys: readonly ConfiguredKey[]) {
  const configuration = handOverFor(newFolder(), keys, {
    redis: { url: new Secret(url), prefix: 'openrouter-proxy', onOutage: 'closed' },
  });
  const { log, drain } = await kms.start(configuration);
  const [gateway, operator] = [
    kms.connect(configuration.socket, 'gateway'),
    kms.connect(configuration.socket, 'operator'),
  ];
  return { gateway, operator, log, drain };
}

type Machine = Awaited<ReturnType<typeof startMachine>>;

/** The commands of a document's block of code that begins so. */
function documented(beginning: string): string[][] {
  const text = readFileSync(new URL('../../../docs/redis.md', import.meta.url), 'utf8');
  const block = text.match(/```[a-z]*\n[^`]+```/g)?.find((each) => each.includes(beginning)) ?? '';
  const commands = block
    .split('\n')
    .slice(1, -1)
    .join('\n')
    .replaceAll(/\\\n\s*/g, '');
  return commands.split('\n').map((line) => line.split(/\s+/));
}

/** Everything that is said to a Redis from now on. */
async function monitor(redis: RedisServer): Promise<{ text: () => string; stop: () => void }> {
  const client = new Redis(redis.url.slice('unix://'.length));
  const monitoring = await client.monitor();
  let said = '';
  monitoring.on('monitor', (_time: string, words: string[]) => (said += `${words.join(' ')}\n`));
  return {
    text: () => said,
    stop: () => [client, monitoring].forEach((each) => each.disconnect()),
  };
}

/** Something of everything that a key service tells Redis. */
async function useEverything({ gateway, operator }: Machine): Promise<void> {
  const lease = await gateway.call('lease.acquire', FREE);
  await gateway.call('lease.confirm', { leaseId: lease.leaseId });
  const refused = { status: 429, evidence: [], detail: 'of today' };
  const spent: Outcome = { kind: 'free_tier_exhausted', window: 'day', ...refused };
  await gateway.call('lease.report', { leaseId: lease.leaseId, outcome: spent });
  const next = await gateway.call('lease.acquire', FREE);
  const failed: Outcome = { kind: 'rate_limited', ...refused };
  await gateway.call('lease.report', { leaseId: next.leaseId, outcome: failed });
  const [first] = (await operator.call('keys.list', {})).keys;
  const keyId = first?.keyId ?? '';
  await operator.call('keys.cool', { keyId, forMs: 60_000, reason: 'test' });
  await operator.call('keys.disable', { keyId, reason: 'test' });
}

describe('a key service that keeps its state in Redis', () => {
  const monitors: { stop: () => void }[] = [];
  afterEach(() => {
    for (const each of monitors.splice(0)) each.stop();
  });

  it('tells which machines share it, and forgets those that have left', async () => {
    const redis = await startRedis();
    const keys = fakeKeys(null);
    const [one, other] = [await startMachine(redis.url, keys), await startMachine(redis.url, keys)];
    const machines = async () => (await one.operator.call('service.status', {})).store.machines;
    await expect.poll(machines).toHaveLength(2);
    expect((await machines()).filter(({ self }) => self)).toHaveLength(1);
    await other.gateway.close();
    await other.drain();
    await expect.poll(machines).toHaveLength(1);
  });

  it('soon shows what has become of a key on another machine', async () => {
    const redis = await startRedis();
    const keys = fakeKeys(null, null);
    const [one, other] = [await startMachine(redis.url, keys), await startMachine(redis.url, keys)];
    const { last } = await other.operator.call('events.subscribe', { after: null, waitMs: 0 });
    const lease = await one.gateway.call('lease.acquire', REQUEST);
    const outcome: Outcome = {
      ...{ kind: 'key_limit_reached' as const, status: 402, evidence: [], detail: 'spent' },
    };
    await one.gateway.call('lease.report', { leaseId: lease.leaseId, outcome });
    const view = async () => other.operator.call('keys.get', { keyId: lease.keyId });
    await expect
      .poll(view)
      .toMatchObject({ state: { kind: 'cooling', cause: { detail: 'spent' } } });
    const { events } = await other.operator.call('events.subscribe', { after: last, waitMs: 0 });
    expect(events).toMatchObject([{ kind: 'key', keyId: lease.keyId }]);
  });

  it('shows the leases and the free requests of the whole pool', async () => {
    const redis = await startRedis();
    const keys = fakeKeys(5);
    const [one, other] = [await startMachine(redis.url, keys), await startMachine(redis.url, keys)];
    await one.gateway.call('lease.acquire', FREE);
    await other.gateway.call('lease.acquire', FREE);
    expect((await one.operator.call('keys.list', {})).keys).toMatchObject([
      { inFlight: 2, freeRequests: { day: { used: 2 } } },
    ]);
  });

  it('adds up what all machines used, and what this one used', async () => {
    const redis = await startRedis();
    const keys = fakeKeys(5);
    const [one, other] = [await startMachine(redis.url, keys), await startMachine(redis.url, keys)];
    const use = async ({ gateway }: Machine, cost: number) => {
      const { leaseId } = await gateway.call('lease.acquire', { ...REQUEST, client: 'laptop' });
      const usage = { sent: 10, received: 5, cached: 0, reasoning: 0, cost };
      await gateway.call('lease.report', { leaseId, outcome: SUCCESS, usage });
    };
    await use(one, 1);
    await use(other, 0.25);
    const costOf = async (machine: Machine, of: 'pool' | 'machine') => {
      const params = { since: Date.now(), by: 'client', of } as const;
      const { rows, machines } = await machine.operator.call('usage.query', params);
      return [machines, rows.map(({ name, cost }) => [name, cost])];
    };
    for (const machine of [one, other]) {
      await expect.poll(() => costOf(machine, 'pool')).toEqual([2, [['laptop', 1.25]]]);
    }
    expect(await costOf(one, 'machine')).toEqual([1, [['laptop', 1]]]);
    expect(await costOf(other, 'machine')).toEqual([1, [['laptop', 0.25]]]);
    expect((await one.operator.call('keys.list', {})).keys).toMatchObject([{ today: { cost: 1 } }]);
  });

  it('goes on with the rotation where another machine has left it', async () => {
    const redis = await startRedis();
    const keys = fakeKeys(null, null, null, null);
    const [one, other] = [await startMachine(redis.url, keys), await startMachine(redis.url, keys)];
    await one.gateway.call('lease.acquire', REQUEST);
    const { keyName } = await one.gateway.call('lease.acquire', REQUEST);
    expect(keyName).toBe('k1');
    const leasedAt = Date.now();
    const lookedAt = async () => {
      const { store } = await other.operator.call('service.status', {});
      return store.machines.find(({ self }) => self)?.lastSeenAt;
    };
    await expect.poll(lookedAt).toBeGreaterThan(leasedAt);
    expect((await other.gateway.call('lease.acquire', REQUEST)).keyName).toBe('k2');
  });

  it('applies the report on a key before the same request gets another key', async () => {
    const redis = await startRedis();
    const { gateway } = await startMachine(redis.url, fakeKeys(null));
    const { leaseId, keyId } = await gateway.call('lease.acquire', REQUEST);
    const spent = {
      kind: 'key_limit_reached' as const,
      status: 402,
      evidence: [],
      detail: 'spent',
    };
    const reported = gateway.call('lease.report', { leaseId, outcome: spent });
    const next = gateway.call('lease.acquire', { ...REQUEST, exclude: [keyId] });
    await expect(next).rejects.toMatchObject({ data: { reason: 'cooling' } });
    await reported;
  });

  it('would be found out if it told Redis a key', async () => {
    const redis = await startRedis();
    await redis.admin('ECHO', 'sk-or-v1-canary');
    await expect.poll(() => redis.watch.found).toEqual(['sk-or-v1-canary']);
    redis.watch.found.splice(0);
  });

  it('tells Redis no key, and no name of a key or an account', async () => {
    const redis = await startRedis();
    const heard = await monitor(redis);
    monitors.push(heard);
    const keys = fakeKeys(2, 2, 2).map((key, index) => ({
      ...key,
      name: `canary-name-${index}`,
      account: index === 2 ? 'canary-account' : null,
    }));
    await useEverything(await startMachine(redis.url, keys));
    expect(heard.text()).toMatch(/evalsha/i);
    expect(heard.text()).not.toMatch(/canary|sk-or-/);
    for (const { secret } of keys) expect(heard.text()).not.toContain(secret.reveal());
  });

  it('needs no more rights than the document gives its user', async () => {
    const redis = await startRedis();
    for (const [command = '', ...words] of documented('ACL SETUSER')) {
      await redis.admin(command, ...words);
    }
    const path = redis.url.slice('unix://'.length);
    const machine = await startMachine(
      `unix://openrouter-proxy:PASSWORD@${path}`,
      fakeKeys(2, 2, 2),
    );
    await useEverything(machine);
    const { store } = await machine.operator.call('service.status', {});
    expect(store).toMatchObject({ healthy: true, trouble: null });
    expect(await redis.admin('ACL', 'LOG')).toEqual([]);
  });

  it('gives every name in Redis an end, and the same hash slot', async () => {
    const redis = await startRedis();
    await useEverything(await startMachine(redis.url, fakeKeys(2, 2, 2)));
    const names = (await redis.admin('KEYS', '*')) as string[];
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) {
      expect(name).toMatch(/^\{openrouter-proxy\}:/);
      expect(await redis.admin('PTTL', name), name).toBeGreaterThan(0);
    }
  });

  it.each([
    ['its password is wrong', 'WRONGPASS', 'Redis refuses the user or its password'],
    ['it has no password', 'NOAUTH', 'Redis wants a password'],
  ])('says so when %s', async (_name, word, trouble) => {
    const redis = await startRedis('--requirepass', 'the right one');
    const user = word === 'NOAUTH' ? '' : ':not-the-right-one@';
    const machine = await startMachine(
      redis.url.replace('unix://', `unix://${user}`),
      fakeKeys(null),
    );
    const { store } = await machine.operator.call('service.status', {});
    expect(store).toMatchObject({ healthy: false });
    expect(store.trouble).toContain(trouble);
    expect(machine.log.join()).not.toContain('not-the-right-one');
  });
});
