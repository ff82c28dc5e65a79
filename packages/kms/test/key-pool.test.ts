import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { KmsError } from '@openrouter-proxy/kms-protocol';
import type { Strategy } from '../src/selection/ranking.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { fakeKeys } from './support/fake-keys.ts';
import { memoryStore } from './support/memory-store.ts';
import { LEASE_TTL_MS, SUCCESS, limited, startPool, type PoolSetUp } from './support/pool.ts';
import { useTempFolders } from './support/temp-folder.ts';

const newFolder = useTempFolders();

function startOf(keys: PoolSetUp['keys'], strategy: Strategy = 'round-robin', same = false) {
  const kept = new Map<string, string>();
  const openStore: PoolSetUp['openStore'] = (options) => memoryStore(options, kept);
  return startPool({ keys, openStore, selection: { strategy, same } });
}

/** What an acquire was refused with. */
async function refusal(acquired: Promise<unknown>) {
  const error: unknown = await acquired.then(
    () => expect.unreachable('a lease was given'),
    (reason: unknown) => reason,
  );
  if (!KmsError.is(error, 'NO_KEY_AVAILABLE')) throw error;
  return error.data;
}

async function names(count: number, acquire: () => Promise<{ keyName: string }>) {
  const taken: string[] = [];
  for (let turn = 0; turn < count; turn += 1) taken.push((await acquire()).keyName);
  return taken;
}

describe('a lease', () => {
  it('names the key, holds its secret, and ends by itself', async () => {
    const { pool, keys, clock } = await startOf(fakeKeys(null));
    const lease = await pool.acquire(1);
    expect(lease).toMatchObject({ keyId: keys[0]?.id, keyName: 'k0' });
    expect(lease.secret).toBe(keys[0]?.secret.reveal());
    expect(lease.expiresAt).toBe(clock.now() + LEASE_TTL_MS);
  });

  it('is given of each key in turn, also to requests that come at once', async () => {
    const { pool } = await startOf(fakeKeys(null, null, null));
    const leases = await Promise.all(Array.from({ length: 300 }, () => pool.acquire(1)));
    const counts = Map.groupBy(leases, ({ keyName }) => keyName);
    expect([...counts.values()].map(({ length }) => length)).toEqual([100, 100, 100]);
  });

  it('is followed in turn by the key after the one that had room', async () => {
    const { pool } = await startOf(fakeKeys(1, 1, null, null));
    expect(await names(4, () => pool.acquire(1))).toEqual(['k0', 'k1', 'k2', 'k3']);
    expect(await names(3, () => pool.acquire(1))).toEqual(['k2', 'k3', 'k2']);
  });

  it('stays on the last used key after a request that no key could serve', async () => {
    const { pool } = await startOf(fakeKeys(2, 1), 'round-robin', true);
    const used = await pool.acquire(1);
    const others = await Promise.all([pool.acquire(1), pool.acquire(1)]);
    expect((await refusal(pool.acquire(1))).reason).toBe('busy');
    for (const { leaseId } of [...others, used]) await pool.report(leaseId, SUCCESS);
    expect(await names(1, () => pool.acquire(1))).toEqual(['k1']);
  });

  it('is given of the key used last for as long as that can serve', async () => {
    const { pool } = await startOf(fakeKeys(null, null), 'round-robin', true);
    expect(await names(2, () => pool.acquire(1))).toEqual(['k0', 'k0']);
    await pool.report((await pool.acquire(1)).leaseId, limited(60));
    expect(await names(2, () => pool.acquire(1))).toEqual(['k1', 'k1']);
  });

  it('is given of the key with the fewest others', async () => {
    const { pool, clock } = await startOf(fakeKeys(null, null, null), 'least-busy');
    const [first] = await Promise.all([pool.acquire(1), pool.acquire(1), pool.acquire(1)]);
    clock.advance(10);
    const second = await pool.acquire(1);
    expect(second.keyName).toBe('k0');
    await pool.report(first.leaseId, SUCCESS);
    await pool.report(second.leaseId, SUCCESS);
    expect((await pool.acquire(1)).keyName).toBe('k0');
    clock.advance(LEASE_TTL_MS);
    expect(new Set(await names(3, () => pool.acquire(1))).size).toBe(3);
  });

  it('is not given of a key the request has tried', async () => {
    const { pool, keys } = await startOf(fakeKeys(null, null));
    const [tried] = keys.map(({ id }) => id);
    expect(await names(3, () => pool.acquire(1, { exclude: [tried ?? ''] }))).toEqual([
      'k1',
      'k1',
      'k1',
    ]);
  });

  it('is not given of a key that has as many as it may', async () => {
    const { pool } = await startOf(fakeKeys(1, 2));
    expect((await names(3, () => pool.acquire(1))).toSorted()).toEqual(['k0', 'k1', 'k1']);
    expect(await refusal(pool.acquire(1))).toEqual({ reason: 'busy', retryAfterMs: 1_000 });
  });
});

describe('a refusal of a lease', () => {
  it('says when the first key returns', async () => {
    const { pool, clock } = await startOf(fakeKeys(null, null));
    for (const seconds of [30, 20]) {
      await pool.report((await pool.acquire(1)).leaseId, limited(seconds));
      clock.advance(1_000);
    }
    expect(await refusal(pool.acquire(1))).toEqual({
      reason: 'cooling',
      retryAfterMs: 19_000,
      because: 'rate_limited',
    });
    clock.advance(19_000);
    expect((await pool.acquire(1)).keyName).toBe('k1');
  });

  it('says that every key has been tried', async () => {
    const { pool, keys } = await startOf(fakeKeys(null, null));
    const exclude = keys.map(({ id }) => id);
    const data = await refusal(pool.acquire(1, { exclude }));
    expect(data).toEqual({ reason: 'exhausted', retryAfterMs: null });
  });

  it('says that there are no keys', async () => {
    const { pool } = await startOf([]);
    expect(await refusal(pool.acquire(1))).toEqual({ reason: 'no_keys', retryAfterMs: null });
  });
});

describe('a report', () => {
  it('sets the key aside before it is answered, and tells it once', async () => {
    const { pool, keys, told } = await startOf(fakeKeys(null));
    const { leaseId, keyId } = await pool.acquire(1);
    expect(await pool.report(leaseId, limited())).toEqual({ applied: true });
    expect((await pool.get(keyId)).state).toMatchObject({ kind: 'cooling' });
    expect(told).toMatchObject([['k0', { kind: 'available' }, { kind: 'cooling' }]]);
    expect(keys).toHaveLength(1);
  });

  it('counts once', async () => {
    const { pool, clock, told } = await startOf(fakeKeys(null));
    const { leaseId, keyId } = await pool.acquire(1);
    await pool.report(leaseId, limited());
    const { state } = await pool.get(keyId);
    clock.advance(1_000);
    expect(await pool.report(leaseId, limited())).toEqual({ applied: false });
    expect((await pool.get(keyId)).state).toEqual(state);
    expect(told).toHaveLength(1);
  });

  it('on an unknown lease changes nothing', async () => {
    const { pool, keys } = await startOf(fakeKeys(null));
    const stranger = `${'0'.repeat(12)}.0.${'A'.repeat(22)}`;
    expect(await pool.report(stranger, limited())).toEqual({ applied: false });
    expect((await pool.get(keys[0]?.id ?? '')).state.kind).toBe('available');
  });

  it('on a lease of an earlier life of the service counts, once', async () => {
    const keys = fakeKeys(null);
    const before = await startOf(keys);
    const { leaseId, keyId } = await before.pool.acquire(1);
    const { pool } = await startOf(keys);
    expect(await pool.report(leaseId, limited(60))).toEqual({ applied: true });
    expect((await pool.get(keyId)).state.kind).toBe('cooling');
    await pool.command(keyId, { kind: 'uncool' });
    expect(await pool.report(leaseId, limited(60))).toEqual({ applied: false });
  });

  it('on a lease given before an operator spoke ends the lease and leaves the key alone', async () => {
    const { pool } = await startOf(fakeKeys(null));
    const { leaseId, keyId } = await pool.acquire(1);
    await pool.command(keyId, { kind: 'uncool' });
    expect(await pool.report(leaseId, limited(60))).toEqual({ applied: true });
    expect(await pool.get(keyId)).toMatchObject({ state: { kind: 'available' }, inFlight: 0 });
  });
});

describe('an operator', () => {
  it('takes a key out of use and back', async () => {
    const { pool, keys, told } = await startOf(fakeKeys(null));
    const id = keys[0]?.id ?? '';
    const view = await pool.command(id, { kind: 'disable', reason: 'leaked' });
    expect(view.state).toMatchObject({ kind: 'disabled', cause: { detail: 'leaked' } });
    expect(await refusal(pool.acquire(1))).toEqual({ reason: 'disabled', retryAfterMs: null });
    await pool.command(id, { kind: 'enable' });
    await pool.acquire(1);
    expect(told).toHaveLength(2);
  });

  it('does not undo what a report tells while the command is being saved', async () => {
    const { pool, store } = await startOnDisk();
    const { leaseId, keyId } = await pool.acquire(1);
    const command = pool.command(keyId, { kind: 'enable' });
    await pool.report(leaseId, limited(60));
    expect((await command).state.kind).toBe('cooling');
    await store.close();
  });

  it('is told which key was probably meant', async () => {
    const { pool, keys } = await startOf(fakeKeys(null));
    const id = keys[0]?.id ?? '';
    const slip = (id.startsWith('0') ? '1' : '0') + id.slice(1);
    const failure = pool.get(slip);
    await expect(failure).rejects.toMatchObject({ code: 'UNKNOWN_KEY', data: { nearest: id } });
  });

  it('sees the pool in figures', async () => {
    const { pool, keys, clock } = await startOf(fakeKeys(null, null, null));
    await pool.report((await pool.acquire(1)).leaseId, limited(60));
    await pool.command(keys[1]?.id ?? '', { kind: 'disable', reason: '' });
    await pool.acquire(1);
    expect(await pool.status()).toEqual({
      keys: { available: 1, cooling: 1, refused: 0, disabled: 1 },
      nextAvailableAt: clock.now() + 60_000,
      leasesInFlight: 1,
      waiting: 0,
      sharedAccounts: [],
      limits: [],
      store: { backend: 'memory', healthy: true, trouble: null, machines: [] },
    });
  });

  it('sees that a key has returned without anyone having asked for it', async () => {
    const { pool, clock, told } = await startOf(fakeKeys(null));
    await pool.report((await pool.acquire(1)).leaseId, limited(60));
    clock.advance(60_000);
    expect((await pool.list())[0]?.state).toEqual({ kind: 'available', since: clock.now() });
    expect(told).toHaveLength(2);
  });
});

/** A pool on a state file; `block` keeps it from being written until `cure`. */
async function startOnDisk() {
  const folder = newFolder();
  const path = join(folder, 'kms.db');
  const started = await startPool({
    keys: fakeKeys(null, null),
    openStore: (options) =>
      openSqliteStore({ ...options, path, now: 0, onQuarantine: () => undefined }),
  });
  const intruder = new DatabaseSync(path);
  const block = () => intruder.exec('BEGIN IMMEDIATE');
  const cure = () => {
    intruder.exec('ROLLBACK');
    intruder.close();
  };
  const kept = () => {
    const reader = new DatabaseSync(path);
    const rows = reader.prepare('SELECT key_id, record FROM key_record').all();
    reader.close();
    const pairs = rows.map((row) => [row['key_id'], JSON.parse(String(row['record']))] as const);
    return new Map<unknown, unknown>(pairs);
  };
  return { ...started, block, cure, kept };
}

describe('a pool whose store cannot be written', () => {
  it('obeys no command, and says so', async () => {
    const { pool, keys, store, block, cure } = await startOnDisk();
    block();
    const id = keys[0]?.id ?? '';
    const command = pool.command(id, { kind: 'disable', reason: 'leaked' });
    await expect(command).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect((await pool.get(id)).state.kind).toBe('available');
    expect((await pool.status()).store.healthy).toBe(false);
    cure();
    expect((await pool.status()).store.healthy).toBe(true);
    await store.close();
  });

  it('takes reports in, and saves them as soon as it can', async () => {
    const { pool, store, block, cure, kept, told } = await startOnDisk();
    block();
    const [first, second] = [await pool.acquire(1), await pool.acquire(1)];
    expect(await pool.report(first.leaseId, limited(60))).toEqual({ applied: true });
    expect((await pool.get(first.keyId)).state.kind).toBe('cooling');
    expect(kept().size).toBe(0);
    cure();
    await pool.report(second.leaseId, limited(60));
    const cooling = { state: { kind: 'cooling' } };
    expect(kept().get(first.keyId)).toMatchObject(cooling);
    expect(kept().get(second.keyId)).toMatchObject(cooling);
    expect(told.filter((event) => typeof event === 'string')).toEqual([
      'store failed',
      'store recovered',
    ]);
    await store.close();
  });

  it('says so once, however much it cannot save', async () => {
    const { pool, store, block, cure, told } = await startOnDisk();
    block();
    const leases = [await pool.acquire(1), await pool.acquire(1)];
    for (const { leaseId } of leases) await pool.report(leaseId, limited(60));
    await pool.status();
    expect(told.filter((event) => typeof event === 'string')).toEqual(['store failed']);
    cure();
    await store.close();
  });
});
