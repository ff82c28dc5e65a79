/**
 * `npm run bench -- leases`: what a lease costs at the key service over its socket, with its state in a
 * file and with its state in a Redis that two key services share, and whether these two keep the limits
 * of the pool together. Everything is on: the ledger, the counts of use, the log.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { kmsConfiguration, type KmsConfiguration } from '@openrouter-proxy/config';
import { KmsClient, KmsError, connectToUnixSocket } from '@openrouter-proxy/kms-protocol';
import { Secret } from '@openrouter-proxy/runtime';
import { startRedis } from './redis.ts';
import { onStage } from './stage.ts';

const SINGLE = 2_000;
const IN_FLIGHT = 64;
const SECONDS = 5;
const REQUEST = { requestId: 'bench', api: 'chat' } as const;
const SUCCESS = { kind: 'success', status: 200 } as const;
const PAID = 'openai/gpt-4o';
const FREE = 'some/model:free';

interface Service {
  readonly client: KmsClient;
  stop(): Promise<void>;
}

interface Pool {
  readonly keys: number;
  readonly maxConcurrency: number | null;
  readonly perMinute: number;
}

const ROOMY: Pool = { keys: 10, maxConcurrency: null, perMinute: 1_000_000 };

const keysOf = ({ keys, maxConcurrency }: Pool) =>
  Array.from({ length: keys }, (_, index) => ({
    secret: new Secret(`sk-or-v1-${randomBytes(32).toString('hex')}`),
    name: `key-${index + 1}`,
    account: null,
    maxConcurrency,
  }));

/** Starts a key service as the launcher does. */
async function startKms(
  stateDir: string,
  keys: KmsConfiguration['keys'],
  perMinute: number,
  redis: KmsConfiguration['redis'],
): Promise<Service> {
  const main = path.resolve(import.meta.dirname, '../../dist/kms.js');
  const tokens = { gateway: new Secret('gateway'), operator: new Secret('operator') };
  const socket = path.join(stateDir, 'kms.sock');
  const child = fork(main, { stdio: ['pipe', 'ignore', 'inherit', 'ipc'] });
  child.stdin?.write(
    `${JSON.stringify(
      kmsConfiguration.encode({
        ...{ socket, socketAccess: 'owner', stateDir, redis, tokens, keys, managementKey: null },
        selection: { strategy: 'round-robin', same: false, affinity: false },
        freeRequests: { perMinute, perDay: null },
        ...{ rateLimitCooldownMs: 3_600_000, leaseTtlMs: 600_000, shutdownGraceMs: 0 },
        ...{ metrics: { system: false }, log: { level: 'INFO', format: 'json' } },
      }),
    )}\n`,
  );
  await once(child, 'message');
  const client = new KmsClient({
    connect: () => connectToUnixSocket(socket),
    ...{ role: 'gateway', token: tokens.gateway, timeoutMs: 10_000 },
  });
  return {
    client,
    async stop() {
      await client.close();
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function leaseAndReport(client: KmsClient, model: string): Promise<string> {
  const { leaseId, keyId } = await client.call('lease.acquire', { ...REQUEST, model });
  await client.call('lease.report', { leaseId, outcome: SUCCESS });
  return keyId;
}

/** The median of milliseconds, one at a time. */
async function latency({ client }: Service): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < SINGLE; count += 1) {
    const startedAt = performance.now();
    const { leaseId } = await client.call('lease.acquire', { ...REQUEST, model: PAID });
    times.push(performance.now() - startedAt);
    await client.call('lease.report', { leaseId, outcome: SUCCESS });
  }
  return times.toSorted((a, b) => a - b)[SINGLE >> 1] ?? NaN;
}

/** Leases a second, each with its report, with some in flight at each service. */
async function rate(services: readonly Service[]): Promise<number> {
  const endsAt = performance.now() + SECONDS * 1_000;
  let leases = 0;
  const work = async ({ client }: Service) => {
    while (performance.now() < endsAt) {
      await leaseAndReport(client, PAID);
      leases += 1;
    }
  };
  await Promise.all(
    services.flatMap((each) => Array.from({ length: IN_FLIGHT }, () => work(each))),
  );
  return leases / SECONDS;
}

/** Asks for more than the pool may give; the most that was given of each sort. */
async function demand(services: readonly Service[], leases: number) {
  const [inUse, ofMinute] = [new Map<string, number>(), new Map<string, number>()];
  let [mostInUse, mostOfMinute, asked] = [0, 0, 0];
  const work = async ({ client }: Service) => {
    while (asked < leases) {
      asked += 1;
      const askedIn = minuteNow();
      const lease = await client.call('lease.acquire', { ...REQUEST, model: FREE }).catch(refused);
      if (lease === null) continue;
      const { leaseId, keyId } = lease;
      const count = (inUse.get(keyId) ?? 0) + 1;
      inUse.set(keyId, count);
      mostInUse = Math.max(mostInUse, count);
      const minute = `${keyId} ${askedIn}`;
      if (askedIn === minuteNow()) ofMinute.set(minute, (ofMinute.get(minute) ?? 0) + 1);
      mostOfMinute = Math.max(mostOfMinute, ofMinute.get(minute) ?? 0);
      await new Promise((resolve) => setImmediate(resolve));
      inUse.set(keyId, (inUse.get(keyId) ?? 0) - 1);
      await client.call('lease.report', { leaseId, outcome: SUCCESS });
    }
  };
  await Promise.all(
    services.flatMap((each) => Array.from({ length: IN_FLIGHT }, () => work(each))),
  );
  return { mostInUse, mostOfMinute };
}

function refused(error: unknown): null {
  if (KmsError.is(error, 'NO_KEY_AVAILABLE')) return null;
  throw error;
}

const minuteNow = () => Math.floor(Date.now() / 60_000);

/** Runs a measurement with services that share a Redis, or one with a file. */
async function withServices<T>(
  count: number,
  pool: Pool,
  isShared: boolean,
  measure: (services: Service[]) => Promise<T>,
): Promise<T> {
  return onStage(async (folder, started) => {
    const redis = isShared ? started(await startRedis(folder)) : null;
    const shared =
      redis && ({ url: new Secret(redis.url), prefix: 'bench', onOutage: 'closed' } as const);
    const keys = keysOf(pool);
    const services: Service[] = [];
    for (let index = 0; index < count; index += 1) {
      const stateDir = await mkdtemp(path.join(folder, 'kms-'));
      services.push(started(await startKms(stateDir, keys, pool.perMinute, shared)));
    }
    return measure(services);
  });
}

/** Prints what leases cost. */
export async function leasesBench(): Promise<void> {
  const alone = (count: number, isShared: boolean, pool = ROOMY) =>
    withServices(count, pool, isShared, async (services) => {
      const [first] = services;
      const median = first === undefined ? NaN : await latency(first);
      return { median, rate: await rate(services) };
    });
  const rows = [
    ['one, a file', await alone(1, false)],
    ['one, a file, 10,000 keys', await alone(1, false, { ...ROOMY, keys: 10_000 })],
    ['one, a Redis', await alone(1, true)],
    ['two, a Redis', await alone(2, true)],
  ] as const;
  console.log(
    '\nkey services, state kept in      median lease   leases/s, each reported, 64 in flight each',
  );
  for (const [name, { median, rate: each }] of rows) {
    console.log(`  ${name.padEnd(30)} ${median.toFixed(3)} ms    ${each.toFixed(0).padStart(9)}`);
  }
  const tight: Pool = { keys: 5, maxConcurrency: 3, perMinute: 500 };
  const most = await withServices(2, tight, true, (services) => demand(services, 20_000));
  console.log(`\ntwo services, 5 keys, 20,000 asked for at once`);
  console.log(`  most in use of a key            ${most.mostInUse} of ${tight.maxConcurrency}`);
  console.log(`  most of a key in a minute       ${most.mostOfMinute} of ${tight.perMinute}`);
}
