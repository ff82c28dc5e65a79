import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newRecord, type KeyRecord } from '../src/keys/key-record.ts';
import { limitName } from '../src/store/shared-records.ts';
import type { Candidate, StateStore, Window } from '../src/store/state-store.ts';
import { useRedis, useRedisServers } from './support/redis-server.ts';
import { openMachine, openTimed, type MachineOptions } from './support/redis-store.ts';

const T = Date.UTC(2026, 9, 2, 12);
const [A, B] = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'];
const terms = { session: 1, expiresAt: T + 20_000, model: 'm', client: 'c' };
const window: Window = { id: 'account/minute', startsAt: T, endsAt: T + 60_000, limit: 3 };

const candidate = (keyId: string, lease: string, limit: number | null): Candidate => ({
  ...{ keyId, leaseId: `ours-${lease}`, slots: [{ id: keyId, limit }], windows: [] },
});

const cause = { reason: 'rate_limited', source: 'header', detail: 'slow down' } as const;
const coolingUntil = (until: number): KeyRecord => ({
  ...newRecord(T),
  state: { kind: 'cooling', since: T, until, cause },
});
const disabledRecord = (generation: number): KeyRecord => ({
  ...newRecord(T),
  state: { kind: 'disabled', since: T, cause },
  generation,
});

describe('machines that share a Redis', () => {
  const redis = useRedis();
  const startRedis = useRedisServers();

  const closing = <S extends StateStore>(store: S): S => {
    onTestFinished(() => store.close());
    return store;
  };
  const open = async (options: MachineOptions) => closing(await openMachine(options));
  const timed = async (options: MachineOptions) => closing(await openTimed(options, T));
  const newPool = () => ({ url: redis().url, prefix: randomBytes(4).toString('hex') });

  it('keep to what a key may have together', async () => {
    const pool = { ...newPool(), keyIds: [A] };
    const [one, other] = [await timed(pool), await timed(pool)];
    const asked = [one, other].flatMap((store, machine) =>
      Array.from({ length: 20 }, (_, lease) =>
        store.reserve([candidate(A, `${machine}-${lease}`, 7)], terms, T),
      ),
    );
    const taken = (await Promise.all(asked)).filter((reserved) => reserved.taken !== null);
    expect(taken).toHaveLength(7);
    expect((await other.inFlight(T)).get(A)).toBe(7);
  });

  it('keep to what an account may have in a window together', async () => {
    const pool = newPool();
    const [one, other] = [await timed(pool), await timed(pool)];
    const asked = [one, other].flatMap((store, machine) =>
      Array.from({ length: 20 }, (_, lease) =>
        store.reserve(
          [{ ...candidate(A, `${machine}-${lease}`, null), windows: [window] }],
          terms,
          T,
        ),
      ),
    );
    const taken = (await Promise.all(asked)).filter((reserved) => reserved.taken !== null);
    expect(taken).toHaveLength(3);
    expect(await one.used([window])).toEqual([3]);
  });

  it('send one probe of a half-open key at a time, from all of them together', async () => {
    const pool = newPool();
    const [one, other] = [await timed(pool), await timed(pool)];
    const proving = (lease: string): Candidate => ({
      ...candidate(A, lease, null),
      slots: [
        { id: A, limit: null },
        { id: `probe/${A}`, limit: 1, untilConfirmed: true },
      ],
    });
    await one.reserve([proving('1')], terms, T);
    expect((await other.reserve([proving('2')], terms, T)).taken).toBeNull();
    await one.confirm('ours-1', T);
    expect((await other.reserve([proving('3')], terms, T)).taken).not.toBeNull();
  });

  it('get the leases of one that is gone back within half a minute', async () => {
    const pool = newPool();
    const [one, other] = [await timed(pool), await timed(pool)];
    const day = { ...terms, expiresAt: T + 86_400_000 };
    await one.reserve([candidate(A, '1', 1)], day, T);
    expect((await other.reserve([candidate(A, '2', 1)], day, T + 29_999)).taken).toBeNull();
    expect((await other.reserve([candidate(A, '3', 1)], day, T + 30_000)).taken).not.toBeNull();
  });

  it('take a report once, whichever of them it reaches first', async () => {
    const pool = newPool();
    const [one, other] = [await timed(pool), await timed(pool)];
    expect(await one.release('old-1', A, T, false)).toMatchObject({ applied: true });
    expect(await other.release('old-1', A, T, false)).toMatchObject({ applied: false });
  });

  it('soon know what one of them has learnt', async () => {
    const pool = newPool();
    const [one, other] = [await open(pool), await open(pool)];
    const seen = new Map<string, unknown>();
    other.watch({
      onRecord: (keyId, record) => seen.set(keyId, record),
      onShared: (name, json) => seen.set(name, json),
      onLeased: (keyId) => seen.set('leased', keyId),
    });
    const now = Date.now();
    const later = coolingUntil(now + 60_000);
    await one.save(A, later);
    await one.saveShared('some name', 'text');
    await one.reserve([candidate(B, '1', null)], { ...terms, expiresAt: now + 1_000 }, now);
    await expect.poll(() => seen.get(A)).toEqual(later);
    await expect.poll(() => seen.get('some name')).toBe('text');
    await expect.poll(() => seen.get('leased')).toBe(B);
    await one.saveShared('some name', null);
    await expect.poll(() => seen.get('some name')).toBeNull();
  });

  it('do not share failures of their own connection to OpenRouter', async () => {
    const pool = newPool();
    const [one, other] = [await open(pool), await open(pool)];
    const seen: string[] = [];
    const onShared = (name: string) => void seen.push(name);
    other.watch({ onRecord: () => undefined, onShared, onLeased: () => undefined });
    const own = limitName({ scope: 'upstream' });
    await one.saveShared(own, 'blocked');
    await one.saveShared('some name', 'text');
    await expect.poll(() => seen).toEqual(['some name']);
    expect([...(await one.loadShared()).keys()].sort()).toEqual([own, 'some name'].sort());
    expect([...(await other.loadShared()).keys()]).toEqual(['some name']);
  });

  it('let the longer cooldown count where they did not know of each other', async () => {
    const pool = newPool();
    const [one, other] = [await timed(pool), await timed(pool)];
    const [short, long] = [coolingUntil(T + 1_000), coolingUntil(T + 9_000)];
    await Promise.all([one.save(A, long), other.save(A, short)]);
    await expect.poll(() => one.load([A], T)).toEqual(new Map([[A, long]]));
    await expect.poll(() => other.load([A], T)).toEqual(new Map([[A, long]]));
  });

  it('never forget what an operator has said, also if Redis loses it', async () => {
    const server = await startRedis();
    const [one, other] = [await timed({ url: server.url }), await timed({ url: server.url })];
    await one.save(A, disabledRecord(1));
    await server.admin('FLUSHALL');
    await other.save(A, coolingUntil(T + 5_000));
    const known = new Map([[A, disabledRecord(1)]]);
    await expect.poll(() => other.load([A], T)).toEqual(known);
    await expect.poll(() => one.load([A], T)).toEqual(known);
  });

  it('know of leases and windows again after Redis has lost them', async () => {
    const server = await startRedis();
    const store = await timed({ url: server.url });
    await store.reserve([{ ...candidate(A, '1', 1), windows: [window] }], terms, T);
    await server.admin('FLUSHALL');
    const newcomer = await timed({ url: server.url, keyIds: [A] });
    await expect.poll(() => newcomer.inFlight(T)).toEqual(new Map([[A, 1]]));
    await expect.poll(() => newcomer.used([window])).toEqual([1]);
    expect((await newcomer.reserve([candidate(A, '2', 1)], terms, T)).taken).toBeNull();
  });

  it('tell Redis after a restart what they could not tell it before', async () => {
    const server = await startRedis();
    const [kept, { url }] = [new Map<string, string>(), server];
    const before = await openTimed({ url, kept, keyIds: [A] }, T);
    await before.save(A, newRecord(T));
    await server.stop();
    await before.save(A, disabledRecord(2));
    await before.close();
    await server.restart();
    await timed({ url, kept, keyIds: [A] });
    const newcomer = await timed({ url, keyIds: [A] });
    expect((await newcomer.load([A], T)).get(A)).toEqual(disabledRecord(2));
  });

  it('do not write outdated records after a restart', async () => {
    const pool = newPool();
    const kept = new Map<string, string>();
    const before = await openTimed({ ...pool, kept, keyIds: [A] }, T);
    await before.save(A, coolingUntil(T + 60_000));
    await before.close();
    const other = await timed(pool);
    await other.save(A, newRecord(T));
    const again = await timed({ ...pool, kept, keyIds: [A] });
    expect((await again.load([A], T)).get(A)).toEqual(newRecord(T));
  });
});
