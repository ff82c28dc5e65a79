import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { newRecord } from '../src/keys/key-record.ts';
import type { StateStore } from '../src/store/state-store.ts';
import { createCertificate } from '@openrouter-proxy/fake-openrouter';
import {
  freePort,
  sentinelInfo,
  useRedisServers,
  type RedisServer,
} from './support/redis-server.ts';
import { openMachine, type MachineOptions } from './support/redis-store.ts';
import { useTempFolders } from './support/temp-folder.ts';

const KEY = 'aaaaaaaaaaaa';
/** A node that knows no other does not know its own address either. */
const CLUSTER = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];

const newFolder = useTempFolders();
const startRedis = useRedisServers();
const sentinels: ChildProcess[] = [];
afterEach(async () => {
  for (const sentinel of sentinels.splice(0)) {
    const ended = once(sentinel, 'exit');
    sentinel.kill('SIGKILL');
    await ended;
  }
});

async function open(url: string, options: Partial<MachineOptions> = {}): Promise<StateStore> {
  const store = await openMachine({ keyIds: [KEY], ...options, url });
  onTestFinished(() => store.close());
  return store;
}

/** A store is of use if another one sees what it has kept, and both count leases together. */
async function serves(url: string, options: Partial<MachineOptions> = {}): Promise<void> {
  const [one, other] = [await open(url, options), await open(url, options)];
  expect(one.status().trouble).toBeNull();
  const now = Date.now();
  await one.save(KEY, { ...newRecord(now), generation: 7 });
  await expect.poll(async () => (await other.load([KEY], now)).get(KEY)?.generation).toBe(7);
  const candidate = { keyId: KEY, leaseId: 'ours-1', slots: [{ id: KEY, limit: 1 }], windows: [] };
  const terms = { session: 1, expiresAt: now + 60_000, model: null, client: null };
  await one.reserve([candidate], terms, now);
  expect((await other.inFlight(now)).get(KEY)).toBe(1);
}

/** A sentinel that looks after a master. */
async function startSentinel(master: RedisServer): Promise<number> {
  const [port, folder] = [await freePort(), newFolder()];
  const config = join(folder, 'sentinel.conf');
  writeFileSync(
    config,
    [
      ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`],
      `sentinel monitor pool 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds pool 300',
      'sentinel failover-timeout pool 3000',
    ].join('\n'),
  );
  sentinels.push(spawn('redis-server', [config, '--sentinel'], { stdio: 'ignore' }));
  return port;
}

describe('Redis serves', () => {
  it('by its address, in a database of one’s own', async () => {
    const redis = await startRedis();
    await serves(`redis://127.0.0.1:${redis.port}/3`);
    expect(await redis.admin('DBSIZE')).toBe(0);
  });

  it('with TLS, and a certificate on both sides', async () => {
    const { key, cert } = createCertificate('localhost');
    const folder = newFolder();
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    writeFileSync(keyFile, key);
    writeFileSync(certFile, cert);
    const port = await freePort();
    const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile];
    await startRedis('--tls-port', String(port), ...files, '--tls-ca-cert-file', certFile);
    const own = `cert_file=${certFile}&key_file=${keyFile}`;
    await serves(`rediss://localhost:${port}?ca_file=${certFile}&${own}`);
    const distrustful = await open(`rediss://localhost:${port}?${own}`);
    expect(distrustful.status().trouble).toMatch(/SELF_SIGNED/);
  });

  it('as a cluster, and goes on when that is back', async () => {
    const redis = await startRedis(...CLUSTER);
    await redis.admin('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await expect.poll(() => redis.admin('CLUSTER', 'INFO')).toContain('cluster_state:ok');
    const url = `redis+cluster://127.0.0.1:${redis.port}`;
    await serves(url);
    const store = await open(url);
    await redis.stop();
    await expect.poll(() => store.status().trouble).not.toBeNull();
    await redis.restart();
    await expect.poll(() => store.status().trouble).toBeNull();
  });

  it('under sentinels, and goes on with another master', async () => {
    const master = await startRedis();
    const replica = await startRedis('--replicaof', `127.0.0.1 ${master.port}`);
    const port = await startSentinel(master);
    const url = `redis+sentinel://127.0.0.1:${port}/pool`;
    await expect.poll(() => master.admin('INFO', 'replication')).toContain('state=online');
    await expect.poll(() => sentinelInfo(port)).toContain('slaves=1');
    await serves(url);
    const store = await open(url);
    await master.stop();
    await expect.poll(() => store.status().trouble).not.toBeNull();
    // A sentinel that was kept waiting does nothing for half a minute (Redis docs, "TILT mode").
    await expect.poll(() => store.status().trouble).toBeNull();
    expect(await replica.admin('EXISTS', '{test}:epoch')).toBe(1);
    expect((await store.load([KEY], Date.now())).get(KEY)?.generation).toBe(7);
  });
});
