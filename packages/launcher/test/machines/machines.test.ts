import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PAID_MODEL } from '../system/support/product.ts';
import { ask, failures, p99, startClients } from './support/clients.ts';
import { makeFastClock } from './support/fast-clock.ts';
import { startPool, type Machine, type Pool } from './support/pool.ts';

const CLIENTS = { count: 6, pauseMs: 5, model: PAID_MODEL };
/** What others found out is known here so soon after the way is back. */
const KNOWN_WITHIN = { interval: 20 };
const SOON = { interval: 20 };

const storeOf = async ({ operator }: Machine) => (await operator.call('service.status', {})).store;
const isHealthy = async (machine: Machine) => (await storeOf(machine)).healthy;

async function keyIdOf({ operator }: Machine, name: string): Promise<string> {
  const { keys } = await operator.call('keys.list', {});
  return keys.find((key) => key.name === name)?.keyId ?? '';
}

async function stateOf({ operator }: Machine, keyId: string): Promise<string> {
  return (await operator.call('keys.get', { keyId })).state.kind;
}

async function startPair(openrouter = {}): Promise<Pool & { one: Machine; other: Machine }> {
  const pool = await startPool({ machines: 2, keys: 4, openrouter });
  const [one, other] = pool.machines;
  if (one === undefined || other === undefined) throw new Error('two were asked for');
  return { ...pool, one, other };
}

describe('machines in a network', () => {
  it.each([
    {
      what: 'cannot send to Redis',
      cut: ({ one, redis }) => one.host.lose(redis.host),
      heal: ({ one, redis }) => one.host.find(redis.host),
    },
    {
      what: 'hears nothing from Redis',
      cut: ({ one, redis }) => redis.host.lose(one.host),
      heal: ({ one, redis }) => redis.host.find(one.host),
    },
  ] satisfies {
    what: string;
    cut: (pair: Awaited<ReturnType<typeof startPair>>) => Promise<void>;
    heal: (pair: Awaited<ReturnType<typeof startPair>>) => Promise<void>;
  }[])(
    'a machine that $what serves on, says so, and soon knows what the others found meanwhile',
    async ({ cut, heal }) => {
      const pair = await startPair();
      const { one, other, upstream, machines } = pair;
      const keyId = await keyIdOf(one, 'key-1');
      await using clients = startClients(
        machines.map(({ system }) => system),
        CLIENTS,
      );
      await sleep(500);
      await cut(pair);
      await expect.poll(() => isHealthy(one), SOON).toBe(false);
      await other.operator.call('keys.disable', { keyId, reason: 'test' });
      expect(await isHealthy(other)).toBe(true);
      expect(await stateOf(one, keyId)).toBe('available');
      await sleep(500);
      await heal(pair);
      await expect.poll(() => stateOf(one, keyId), KNOWN_WITHIN).toBe('disabled');
      await expect.poll(() => isHealthy(one), KNOWN_WITHIN).toBe(true);
      await sleep(100); // what is under way with the key ends
      const before = (await upstream.counts())['key-1'];
      await sleep(300);
      expect((await upstream.counts())['key-1']).toEqual(before);
      await clients.stop();
      for (const seen of clients.samples) {
        expect(seen.length).toBeGreaterThan(100);
        expect(failures(seen)).toEqual([]);
      }
    },
  );

  it('a slow way to Redis makes requests slow, and fails none', async () => {
    const { redis, machines } = await startPair();
    await using clients = startClients(
      machines.map(({ system }) => system),
      CLIENTS,
    );
    await sleep(500);
    await redis.host.setSpeed(400);
    await sleep(2_000);
    await redis.host.setSpeed(null);
    await expect
      .poll(() => Promise.all(machines.map(isHealthy)), KNOWN_WITHIN)
      .toEqual([true, true]);
    await clients.stop();
    expect(failures(clients.samples.flat())).toEqual([]);
    expect(p99(clients.samples.flat())).toBeLessThan(1_500);
  });

  it('a machine that cannot reach OpenRouter says so soon, blames no key, and hinders no other', async () => {
    const { one, other, upstream } = await startPair({
      connect_timeout: '500ms',
      first_byte_timeout: '3s', // where a connection was kept, nothing else tells that it leads nowhere
    });
    await using clients = startClients([other.system], CLIENTS);
    await one.host.lose(upstream.host);
    expect((await ask(one.system, PAID_MODEL)).status).toBeGreaterThanOrEqual(502);
    const { keys } = await other.operator.call('keys.list', {});
    expect(keys.map(({ state }) => state.kind)).toEqual(keys.map(() => 'available'));
    await one.host.find(upstream.host);
    await expect.poll(async () => (await ask(one.system, PAID_MODEL)).status, SOON).toBe(200);
    await clients.stop();
    expect(failures(clients.samples.flat())).toEqual([]);
  });

  it('a machine that dies takes nobody along, and is told from those that live', async () => {
    const pool = await startPool({ machines: 3, keys: 4 });
    const [dead, ...living] = pool.machines;
    if (dead === undefined) throw new Error('three were asked for');
    await using clients = startClients(
      living.map(({ system }) => system),
      CLIENTS,
    );
    const seen = async (machine: Machine) => (await storeOf(machine)).machines.length;
    for (const machine of living) await expect.poll(() => seen(machine), SOON).toBe(3);
    await dead.operator.close();
    await dead.host.setLink('down');
    dead.kill();
    const silent = async (machine: Machine) => {
      const { machines } = await storeOf(machine);
      const latest = Math.max(...machines.map(({ lastSeenAt }) => lastSeenAt));
      return machines.filter(({ lastSeenAt }) => latest - lastSeenAt > 2_000).length;
    };
    for (const machine of living) await expect.poll(() => silent(machine), SOON).toBe(1);
    await clients.stop();
    expect(failures(clients.samples.flat())).toEqual([]);
  });

  it('a machine that dies leaves what it had leased to the others', async () => {
    const clock = await makeFastClock(10);
    const pool = await startPool({
      ...{ machines: 2, keys: 1, maxConcurrency: 1 },
      at: (host) => clock.at(host),
    });
    const [dead, living] = pool.machines;
    if (dead === undefined || living === undefined) throw new Error('two were asked for');
    const stall = { kind: 'stall', when: 'before-headers' };
    await pool.upstream.control('PUT', '/rules', [{ fault: stall, times: 1 }]);
    const cut = ask(dead.system, PAID_MODEL);
    const inFlight = async () =>
      (await living.operator.call('keys.list', {})).keys.map((key) => key.inFlight);
    await expect.poll(inFlight, SOON).toEqual([1]);
    expect((await ask(living.system, PAID_MODEL)).status).toBe(429);
    await dead.operator.close();
    dead.kill();
    expect((await cut).status).toBe(null);
    await expect.poll(async () => (await ask(living.system, PAID_MODEL)).status, SOON).toBe(200);
  });

  it('a machine without Redis serves for half a minute, then refuses and says until when, until it is back', async () => {
    const clock = await makeFastClock(10);
    const { redis, machines } = await startPool({
      ...{ machines: 1, keys: 2 },
      at: (host) => clock.at(host),
    });
    const [machine] = machines;
    if (machine === undefined) throw new Error('one was asked for');
    const answer = () => ask(machine.system, PAID_MODEL);
    redis.signal('SIGKILL');
    await expect.poll(() => isHealthy(machine), SOON).toBe(false);
    const since = performance.now();
    let last = await answer();
    while (last.status === 200 && last.at - since < 10_000) last = await answer();
    expect(last).toMatchObject({
      status: 503,
      words: expect.stringContaining('The state of the keys cannot be reached') as string,
    });
    expect(last.at - since).toBeGreaterThan(2_000);
    await redis.start();
    await expect.poll(async () => (await answer()).status, SOON).toBe(200);
  });
});
