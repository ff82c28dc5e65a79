import { join } from 'node:path';
import type { Usage } from '@openrouter-proxy/kms-protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openUsageFile } from '../src/usage/usage-file.ts';
import { UsageTotals } from '../src/usage/usage-totals.ts';
import { UsageExchange } from '../src/usage/redis-exchange/usage-exchange.ts';
import { ManualClock } from './support/manual-clock.ts';
import { redisUrl, useRedisServers, type RedisServer } from './support/redis-server.ts';
import { SUCCESS } from './support/pool.ts';
import { useTempFolders } from './support/temp-folder.ts';

const DAY = 86_400_000;
const newFolder = useTempFolders();
const startRedis = useRedisServers();

/** The totals of one machine, and its exchange with the others. */
function machine(redis: RedisServer, clock: ManualClock, folder = newFolder(), prefix = 'test') {
  const file = openUsageFile(join(folder, 'usage.db'), clock.now(), () => expect.unreachable());
  const usage = new UsageTotals(file, clock.now(), () => expect.unreachable());
  const troubles: (string | null)[] = [];
  const exchange = new UsageExchange({
    ...{ url: redisUrl(redis.url), prefix, usage, clock },
    onTrouble: (reason) => troubles.push(reason),
  });
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await exchange[Symbol.asyncDispose]();
    usage.flush();
    file.close();
  };
  onTestFinished(close);
  return {
    ...{ usage, exchange, troubles, close, folder },
    use(cost: number, model = 'a/b') {
      const used: Usage = { sent: 1, received: 1, cached: 0, reasoning: 0, cost };
      const by = { keyId: '0123456789ab', model, client: 'ann' };
      usage.add(by, SUCCESS, used, clock.now());
    },
    /** The cost of the days since an instant. */
    cost(of: 'pool' | 'machine', since = clock.now()) {
      return usage.query(since, 'key', of).reduce((all, row) => all + row.cost, 0);
    },
    /** Exchanges until Redis has answered. */
    async exchanged() {
      await expect
        .poll(async () => {
          await exchange.exchange();
          return troubles.at(-1) ?? null;
        })
        .toBeNull();
      await exchange.exchange();
    },
  };
}

describe('machines that share their usage', () => {
  it('see the sum of all, whoever tells first and however often', async () => {
    const redis = await startRedis();
    const clock = new ManualClock();
    const [one, other] = [machine(redis, clock), machine(redis, clock)];
    one.use(1);
    one.use(2, 'c/d');
    other.use(4);
    for (const each of [one, other, one, other, one]) await each.exchanged();
    for (const each of [one, other]) expect(each.cost('pool')).toBe(7);
    expect(one.usage.query(clock.now(), 'model', 'pool')).toMatchObject([
      { name: 'a/b', cost: 5 },
      { name: 'c/d', cost: 2 },
    ]);
    expect([one.cost('machine'), other.cost('machine')]).toEqual([3, 4]);
    expect(one.usage.otherMachines(clock.now())).toBe(1);
  });

  it('lose nothing in an outage, and nothing when Redis loses its data', async () => {
    const redis = await startRedis();
    const clock = new ManualClock();
    const [one, other] = [machine(redis, clock), machine(redis, clock)];
    one.use(1);
    await one.exchanged();
    await redis.stop();
    one.use(2);
    await one.exchange.exchange();
    expect(one.troubles.at(-1)).toMatch(/Redis/);
    expect(one.cost('pool')).toBe(3);
    clock.advance(DAY);
    one.use(4);
    await redis.restart(); // it saves nothing, so it is empty
    await one.exchanged();
    await other.exchanged();
    expect(other.cost('pool', clock.now() - DAY)).toBe(7);
    expect(other.cost('pool')).toBe(4);
  });

  it('count a machine once over its restarts, and still when it has left', async () => {
    const redis = await startRedis();
    const clock = new ManualClock();
    const first = machine(redis, clock);
    first.use(1);
    await first.exchanged();
    await first.close();
    const again = machine(redis, clock, first.folder);
    again.use(2);
    await again.close(); // tells the last as it leaves, once it has been reached
    const third = machine(redis, clock, first.folder);
    await third.exchanged();
    await third.close();
    const other = machine(redis, clock);
    await other.exchanged();
    expect(other.cost('pool')).toBe(3);
    expect(other.usage.otherMachines(clock.now())).toBe(1);
  });

  it('forget what they were told when they enter another pool', async () => {
    const redis = await startRedis();
    const clock = new ManualClock();
    const [one, other] = [machine(redis, clock), machine(redis, clock)];
    other.use(4);
    await other.exchanged();
    await one.exchanged();
    expect(one.cost('pool')).toBe(4);
    await one.close();
    const moved = machine(redis, clock, one.folder, 'another');
    await moved.exchanged();
    expect(moved.cost('pool')).toBe(0);
  });

  it('pass over what they cannot read', async () => {
    const redis = await startRedis();
    const clock = new ManualClock();
    const one = machine(redis, clock);
    one.use(1);
    await one.exchanged();
    const day = new Date(clock.now()).toISOString().slice(0, 10);
    const entries = [`${day} ${'a'.repeat(16)}`, `${day} not-a-machine`, 'nonsense'];
    for (const [index, entry] of entries.entries()) {
      await redis.admin('HSET', '{test}:usage:rows', entry, '[["k"]]');
      await redis.admin('ZADD', '{test}:usage:changes', 1_000 + index, entry);
    }
    await one.exchanged();
    expect(one.cost('pool')).toBe(1);
    expect(one.usage.otherMachines(clock.now())).toBe(0);
  });

  it.each([
    ['larger than any machine counts', '[["k","m","c",1e300,0,0,0,0,0,0,0]]'],
    ['a broken number of requests', '[["k","m","c",0.5,0,0,0,0,0,0,0]]'],
    ['negative', '[["k","m","c",-1,0,0,0,0,0,0,0]]'],
  ])('pass over figures that are %s, and read what follows', async (_what, rows) => {
    const redis = await startRedis();
    const clock = new ManualClock();
    const [one, other] = [machine(redis, clock), machine(redis, clock)];
    await one.exchanged();
    const entry = `${new Date(clock.now()).toISOString().slice(0, 10)} ${'a'.repeat(16)}`;
    await redis.admin('HSET', '{test}:usage:rows', entry, rows);
    await redis.admin('ZADD', '{test}:usage:changes', 0.5, entry); // before what the other tells
    other.use(4);
    await other.exchanged();
    await one.exchanged();
    expect([one.cost('pool'), one.troubles.at(-1) ?? null]).toEqual([4, null]);
    expect(one.usage.otherMachines(clock.now())).toBe(1);
  });

  it('keep 90 days in Redis, and let everything there expire', async () => {
    const redis = await startRedis();
    const clock = new ManualClock();
    const one = machine(redis, clock);
    one.use(1);
    await one.exchanged();
    expect(await redis.admin('HLEN', '{test}:usage:rows')).toBe(1);
    clock.advance(91 * DAY);
    one.use(1);
    await one.exchanged();
    expect(await redis.admin('HLEN', '{test}:usage:rows')).toBe(1);
    for (const name of (await redis.admin('KEYS', '*')) as string[]) {
      expect(Number(await redis.admin('PTTL', name))).toBeGreaterThan(0);
    }
  });
});
