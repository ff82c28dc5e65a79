import { describe, expect, it } from 'vitest';
import type { Outcome } from '@openrouter-proxy/kms-protocol';
import type { PoolSettings } from '../src/pool/pool-core.ts';
import { poolKeys, type PoolKey } from '../src/keys/key-records.ts';
import { ReadWriteLock } from '../src/pool/read-write-lock.ts';
import { fakeKeys } from './support/fake-keys.ts';
import { memoryStore } from './support/memory-store.ts';
import { SUCCESS, limited, startPool } from './support/pool.ts';

function start(count: number) {
  const kept = new Map<string, string>();
  return startPool({
    keys: fakeKeys(...Array<null>(count).fill(null)),
    openStore: (options) => memoryStore(options, kept),
  });
}

/** The settings with other keys, which get the places they have in the list. */
function withKeys(settings: PoolSettings, keys: readonly PoolKey[]): PoolSettings {
  return { ...settings, keys: poolKeys(keys) };
}

const kindsOf = async ({ pool }: Awaited<ReturnType<typeof start>>) =>
  (await pool.list()).map(({ name, state }) => [name, state.kind]);

describe('keys of a pool in use', () => {
  it('are added and leased from then on', async () => {
    const world = await start(1);
    const [added] = poolKeys(fakeKeys(null)).map((key) => ({ ...key, name: 'new' }));
    await world.pool.configure(
      withKeys(world.settings, [...world.keys, ...(added ? [added] : [])]),
    );
    const names = [await world.pool.acquire(1), await world.pool.acquire(1)].map(
      ({ keyName }) => keyName,
    );
    expect(names.toSorted()).toEqual(['k0', 'new']);
  });

  it('are removed and not leased again, while their running leases are still reported', async () => {
    const world = await start(2);
    const { pool, keys, settings, ledger } = world;
    const request = { requestId: 'r1' };
    const lease = await pool.acquire(1, request);
    const rest = keys.filter(({ id }) => id !== lease.keyId);
    await pool.configure(withKeys(settings, rest));
    for (let n = 0; n < 5; n += 1) expect((await pool.acquire(1)).keyId).not.toBe(lease.keyId);
    const used = { sent: 1, received: 2, cached: 0, reasoning: 0, cost: 0.5 };
    expect(await pool.report(lease.leaseId, SUCCESS, { usage: used })).toEqual({ applied: true });
    expect(await pool.report(lease.leaseId, SUCCESS, { usage: used })).toEqual({ applied: false });
    expect(ledger.get('r1')?.steps).toMatchObject([{ outcome: 'success', usage: used }]);
    expect(await pool.list()).toHaveLength(1);
  });

  it('keep their cooldowns, wherever they stand and whatever they are called now', async () => {
    const world = await start(3);
    const { pool, keys, settings } = world;
    const lease = await pool.acquire(1);
    await pool.report(lease.leaseId, limited(60));
    const renamed = keys.toReversed().map((key) => ({ ...key, name: `new-${key.name}` }));
    await pool.configure(withKeys(settings, renamed));
    expect(await kindsOf(world)).toEqual([
      ['new-k2', 'available'],
      ['new-k1', 'available'],
      ['new-k0', 'cooling'],
    ]);
  });

  it('have their cooldown again when they return', async () => {
    const world = await start(2);
    const { pool, keys, settings } = world;
    await pool.report((await pool.acquire(1)).leaseId, limited(60));
    await pool.configure(withKeys(settings, keys.slice(1)));
    await pool.configure(settings);
    expect(await kindsOf(world)).toEqual([
      ['k0', 'cooling'],
      ['k1', 'available'],
    ]);
  });

  it('count the leases they had when they may have only so many', async () => {
    const world = await start(1);
    const { pool, keys, settings } = world;
    const lease = await pool.acquire(1);
    const narrow = keys.map((key) => ({ ...key, maxConcurrency: 1 }));
    await pool.configure(withKeys(settings, narrow));
    await expect(pool.acquire(1)).rejects.toMatchObject({ data: { reason: 'busy' } });
    await pool.report(lease.leaseId, SUCCESS);
    expect((await pool.acquire(1)).keyName).toBe('k0');
  });
});

it('a request that waits gets the key that is added', async () => {
  const world = await start(1);
  const { pool, keys, settings } = world;
  await pool.report((await pool.acquire(1)).leaseId, limited(3_600));
  const waiting = pool.acquire(1, { requestId: 'r', waitMs: 60_000 });
  await expect.poll(async () => (await pool.status()).waiting).toBe(1);
  const [added] = poolKeys(fakeKeys(null)).map((key) => ({ ...key, name: 'new' }));
  await pool.configure(withKeys(settings, [...keys, ...(added ? [added] : [])]));
  expect((await waiting).keyName).toBe('new');
});

it('close the circuit breaker of OpenRouter, since the connection may have been repaired', async () => {
  const { pool, settings } = await start(2);
  const blocked: Outcome = { kind: 'edge_blocked', status: 429, evidence: [], detail: '' };
  for (let n = 0; n < 3; n += 1) {
    await pool.report((await pool.acquire(1)).leaseId, blocked);
  }
  await expect(pool.acquire(1)).rejects.toMatchObject({ data: { reason: 'upstream_blocked' } });
  await pool.configure(settings);
  expect(await pool.acquire(1)).toHaveProperty('leaseId');
});

it('another strategy holds from the next lease on', async () => {
  const { pool, settings } = await start(3);
  await pool.acquire(1);
  await pool.configure({ ...settings, selection: { ...settings.selection, strategy: 'first' } });
  expect([(await pool.acquire(1)).keyName, (await pool.acquire(1)).keyName]).toEqual(['k0', 'k0']);
});

it('no report is lost to a change in the midst of many', async () => {
  const world = await start(20);
  const { pool, keys, settings } = world;
  const leases = await Promise.all(keys.map(() => pool.acquire(1)));
  const changes = [1, 2, 3].map((turn) =>
    pool.configure(withKeys(settings, turn % 2 === 0 ? keys : keys.toReversed())),
  );
  await Promise.all([
    ...leases.map(({ leaseId }) => pool.report(leaseId, limited(60))),
    ...changes,
  ]);
  expect((await kindsOf(world)).every(([, kind]) => kind === 'cooling')).toBe(true);
});

describe('a gate', () => {
  it('admits an exclusive holder after the shared ones, and the next one after it', async () => {
    const gate = new ReadWriteLock();
    const told: string[] = [];
    const slow = Promise.withResolvers<undefined>();
    const first = gate.shared(async () => {
      await slow.promise;
      told.push('first');
    });
    const alone = gate.exclusive(() => Promise.resolve(void told.push('alone')));
    const later = gate.shared(() => Promise.resolve(void told.push('later')));
    slow.resolve(undefined);
    await Promise.all([first, alone, later]);
    expect(told).toEqual(['first', 'alone', 'later']);
  });

  it('opens again when work fails', async () => {
    const gate = new ReadWriteLock();
    const fail = () => Promise.reject(new Error('no'));
    await expect(gate.shared(fail)).rejects.toThrow('no');
    await expect(gate.exclusive(fail)).rejects.toThrow('no');
    expect(await gate.shared(() => Promise.resolve(7))).toBe(7);
  });
});
