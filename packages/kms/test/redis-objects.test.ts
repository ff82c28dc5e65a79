import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openObjectFile } from '../src/ownership/object-file.ts';
import { LIFETIME_MS } from '../src/ownership/object-record.ts';
import { ObjectOwners, type NewObject } from '../src/ownership/object-owners.ts';
import { SharedObjects } from '../src/ownership/shared-objects.ts';
import { ManualClock } from './support/manual-clock.ts';
import { redisUrl, useRedisServers, type RedisServer } from './support/redis-server.ts';
import { useTempFolders } from './support/temp-folder.ts';

const newFolder = useTempFolders();
const startRedis = useRedisServers();
const VIDEOS = { kind: 'video', client: 'ann' } as const;

const video = (id: string, client = 'ann'): NewObject => {
  return { kind: 'video', id, keyId: '0123456789ab', account: 'acct-1', client };
};

async function machine(redis: RedisServer, clock = new ManualClock(Date.now())) {
  const unshared: boolean[] = [];
  const ready = Promise.withResolvers<undefined>();
  const owners = new ObjectOwners({
    file: openObjectFile(join(newFolder(), 'objects.db'), clock.now(), () => expect.unreachable()),
    shared: new SharedObjects(redisUrl(redis.url), 'test', () => ready.resolve(undefined)),
    clock,
    listener: {
      onUnshared: (isUnshared) => unshared.push(isUnshared),
      onNotKept: (error) => expect.unreachable(String(error)),
    },
  });
  onTestFinished(() => owners[Symbol.asyncDispose]());
  await ready.promise;
  return { owners, unshared };
}

describe('machines that share a pool', () => {
  it('find and list objects that were made on another machine', async () => {
    const redis = await startRedis();
    const [one, other] = [await machine(redis), await machine(redis)];
    await one.owners.remember([video('v1'), video('v2', 'bob')]);
    await other.owners.remember([video('v3')]);
    expect((await other.owners.find('video', 'v1')).record?.client).toBe('ann');
    const { records } = await other.owners.list(VIDEOS, null, 10);
    expect(records.map(({ id }) => id).sort()).toEqual(['v1', 'v3']);
    expect((await one.owners.find('video', 'v9')).isCertain).toBe(true);
  });

  it('agree on one owner of an object', async () => {
    const redis = await startRedis();
    const [one, other, third] = [await machine(redis), await machine(redis), await machine(redis)];
    await one.owners.remember([video('v1', 'ann')]);
    await other.owners.remember([video('v1', 'bob')]);
    expect((await third.owners.find('video', 'v1')).record?.client).toBe('ann');
  });

  it('forget an object that another machine made', async () => {
    const redis = await startRedis();
    const [one, other] = [await machine(redis), await machine(redis)];
    await one.owners.remember([video('v1')]);
    await other.owners.forget('video', 'v1');
    expect((await other.owners.find('video', 'v1')).record).toBeUndefined();
    expect((await other.owners.list(VIDEOS, null, 10)).records).toEqual([]);
  });

  it('learn what was made during an outage when Redis returns', async () => {
    const redis = await startRedis();
    const [one, other] = [await machine(redis), await machine(redis)];
    redis.kill('SIGSTOP');
    await one.owners.remember([video('v1')]);
    expect(await other.owners.find('video', 'v1')).toEqual({ record: undefined, isCertain: false });
    redis.kill('SIGCONT');
    await expect
      .poll(async () => {
        await one.owners.write();
        return (await other.owners.find('video', 'v1')).record?.client;
      })
      .toBe('ann');
    expect(one.unshared).toEqual([true, false]);
  });

  it('let owners expire in Redis', async () => {
    const redis = await startRedis();
    const { owners } = await machine(redis);
    await owners.remember([video('v1')]);
    const ttl = Number(await redis.admin('PTTL', '{test}:object:video:v1'));
    expect(ttl).toBeGreaterThan(LIFETIME_MS.video - 600_000);
    expect(ttl).toBeLessThanOrEqual(LIFETIME_MS.video);
    const listTtl = Number(await redis.admin('PTTL', '{test}:objects:video:ann'));
    expect(listTtl).toBeGreaterThan(LIFETIME_MS.video - 600_000);
  });
});
