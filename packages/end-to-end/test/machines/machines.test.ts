import { describe, expect, it } from 'vitest';
import { PAID_MODEL } from '../support/product.ts';
import { ask, failures, startClients } from './support/clients.ts';
import { makeFastClock } from './support/fast-clock.ts';
import { startPool, type Machine, type Pool } from './support/pool.ts';

/** How many times faster the machines' clocks run where a test makes them. */
const SPEED = 10;
const CLIENTS = { count: 6, pauseMs: 5, model: PAID_MODEL };
/** So many answers of each machine show that its clients do not wait for Redis. */
const ANSWERS = 3 * CLIENTS.count;

const STATE_UNREACHABLE = 'The state of the keys cannot be reached';

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
      await clients.served(ANSWERS);
      await cut(pair);
      await expect.poll(() => isHealthy(one)).toBe(false);
      await other.operator.call('keys.disable', { keyId, reason: 'test' });
      expect(await isHealthy(other)).toBe(true);
      expect(await stateOf(one, keyId)).toBe('available');
      await clients.served(ANSWERS);
      await heal(pair);
      await expect.poll(() => stateOf(one, keyId)).toBe('disabled');
      await expect.poll(() => isHealthy(one)).toBe(true);
      const { operator } = one;
      const inFlight = async () => (await operator.call('keys.get', { keyId })).inFlight;
      await expect.poll(inFlight).toBe(0); // requests that have the key already end
      const before = (await upstream.counts())['key-1'];
      await clients.served(ANSWERS);
      expect((await upstream.counts())['key-1']).toEqual(before);
      await clients.stop();
      expect(failures(clients.samples.flat())).toEqual([]);
    },
  );

  it('a slow connection to Redis fails no request', async () => {
    const { redis, machines } = await startPair();
    await using clients = startClients(
      machines.map(({ system }) => system),
      CLIENTS,
    );
    await clients.served(ANSWERS);
    await redis.host.setSpeed(400);
    await clients.served(ANSWERS);
    await redis.host.setSpeed(null);
    await expect.poll(() => Promise.all(machines.map(isHealthy))).toEqual([true, true]);
    await clients.stop();
    expect(failures(clients.samples.flat())).toEqual([]);
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
    await expect.poll(async () => (await ask(one.system, PAID_MODEL)).status).toBe(200);
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
    for (const machine of living) await expect.poll(() => seen(machine)).toBe(3);
    await dead.operator.close();
    await dead.host.setLink('down');
    dead.kill();
    const silent = async (machine: Machine) => {
      const { machines } = await storeOf(machine);
      const latest = Math.max(...machines.map(({ lastSeenAt }) => lastSeenAt));
      return machines.filter(({ lastSeenAt }) => latest - lastSeenAt > 2_000).length;
    };
    for (const machine of living) await expect.poll(() => silent(machine)).toBe(1);
    await clients.stop();
    expect(failures(clients.samples.flat())).toEqual([]);
  });

  it('a machine that dies leaves what it had leased to the others', async () => {
    const clock = await makeFastClock(SPEED);
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
    await expect.poll(inFlight).toEqual([1]);
    expect((await ask(living.system, PAID_MODEL)).status).toBe(429);
    await dead.operator.close();
    dead.kill();
    expect((await cut).status).toBe(null);
    await expect.poll(async () => (await ask(living.system, PAID_MODEL)).status).toBe(200);
  });

  it('a machine without Redis serves for half a minute, then refuses and says until when, until it is back', async () => {
    const clock = await makeFastClock(SPEED);
    const { redis, machines } = await startPool({
      ...{ machines: 1, keys: 2 },
      at: (host) => clock.at(host),
    });
    const [machine] = machines;
    if (machine === undefined) throw new Error('one was asked for');
    const answer = () => ask(machine.system, PAID_MODEL);
    const since = performance.now();
    redis.signal('SIGKILL');
    await expect.poll(() => isHealthy(machine)).toBe(false);
    let last = await answer();
    // A machine whose clock runs faster may meet other limits first where it is slow.
    while (!last.words.includes(STATE_UNREACHABLE)) last = await answer();
    expect(last.status).toBe(503);
    expect((last.at - since) * SPEED).toBeGreaterThan(20_000);
    await redis.start();
    await expect.poll(async () => (await answer()).status).toBe(200);
  });
});
