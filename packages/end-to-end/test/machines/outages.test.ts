import { describe, expect, it } from 'vitest';
import { PAID_MODEL } from '../support/product.ts';
import { failures, p99, startClients, type Sample } from './support/clients.ts';
import { startPool, type Machine, type Pool } from './support/pool.ts';

/** How often each fault is tried; `OUTAGE_ROUNDS=17` makes more than fifty outages. */
const ROUNDS = Number(process.env['OUTAGE_ROUNDS'] ?? 1);
const CLIENTS = { count: 8, pauseMs: 5, model: PAID_MODEL };
/** So many answers of each machine show that its clients do not wait for Redis. */
const ANSWERS = 3 * CLIENTS.count;

/** What is done to Redis, and how it is undone. */
interface Fault {
  begin(pool: Pool): Promise<void> | void;
  end(pool: Pool): Promise<void> | void;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  killed: {
    begin: ({ redis }) => redis.signal('SIGKILL'),
    end: ({ redis }) => redis.start(),
  },
  stopped: {
    begin: ({ redis }) => redis.signal('SIGSTOP'),
    end: ({ redis }) => redis.signal('SIGCONT'),
  },
  'cut off': {
    begin: ({ redis }) => redis.host.setLink('down'),
    end: ({ redis }) => redis.host.setLink('up'),
  },
};

const statesOf = async ({ operator }: Machine) => {
  const { keys } = await operator.call('keys.list', {});
  return Object.fromEntries(keys.map(({ name, state }) => [name, state.kind]));
};

const isHealthy = async ({ operator }: Machine) =>
  (await operator.call('service.status', {})).store.healthy;

/** Sets a key aside for a while at one machine. */
async function cool({ operator }: Machine, name: string): Promise<void> {
  const { keys } = await operator.call('keys.list', {});
  const keyId = keys.find((key) => key.name === name)?.keyId ?? '';
  await operator.call('keys.cool', { keyId, forMs: 600_000, reason: 'test' });
}

async function uncool({ operator }: Machine, name: string): Promise<void> {
  const { keys } = await operator.call('keys.list', {});
  const keyId = keys.find((key) => key.name === name)?.keyId ?? '';
  await operator.call('keys.uncool', { keyId });
}

describe('while clients ask two machines', () => {
  it.each(Object.keys(FAULTS))(
    'Redis is %s, clients are served without it, and all machines learn afterwards what one of them found meanwhile',
    { timeout: 600_000 + ROUNDS * 60_000 },
    async (name) => {
      const fault = FAULTS[name];
      if (fault === undefined) throw new Error('it is of the table');
      const pool = await startPool({ machines: 2, keys: 5 });
      const [one, other] = pool.machines;
      if (one === undefined || other === undefined) throw new Error('two were asked for');
      const [first] = (await one.operator.call('keys.list', {})).keys;
      const keyId = first?.keyId ?? '';
      await one.operator.call('keys.disable', { keyId, reason: 'test' });
      await expect.poll(() => statesOf(other)).toMatchObject({ 'key-1': 'disabled' });
      const usedBefore = (await pool.upstream.counts())['key-1'];

      await using clients = startClients(
        pool.machines.map(({ system }) => system),
        CLIENTS,
      );
      await clients.served(ANSWERS);
      const normal = p99(clients.samples.flat());
      let slowest = 0;
      const startedAt = performance.now();
      for (let round = 0; round < ROUNDS; round += 1) {
        await fault.begin(pool);
        await expect.poll(() => isHealthy(one)).toBe(false);
        await cool(one, 'key-2');
        await cool(other, 'key-3');
        await clients.served(ANSWERS);
        await fault.end(pool);
        const endedAt = performance.now();
        const all = { 'key-1': 'disabled', 'key-2': 'cooling', 'key-3': 'cooling' };
        for (const machine of pool.machines) {
          await expect.poll(() => isHealthy(machine)).toBe(true);
          await expect.poll(() => statesOf(machine)).toMatchObject(all);
        }
        slowest = Math.max(slowest, performance.now() - endedAt);
        for (const key of ['key-2', 'key-3']) await uncool(one, key);
        await expect
          .poll(() => statesOf(other))
          .toMatchObject({ 'key-2': 'available', 'key-3': 'available' });
      }
      await clients.stop();
      const meanwhile = clients.samples.flat().filter(({ at }) => at >= startedAt);
      if (process.env['OUTAGE_ROUNDS'] !== undefined) report(name, normal, meanwhile, slowest);
      expect(failures(meanwhile)).toEqual([]);
      expect((await pool.upstream.counts())['key-1']).toEqual(usedBefore);
    },
  );
});

function report(name: string, normal: number, meanwhile: readonly Sample[], slowest: number): void {
  const longest = Math.max(...meanwhile.map(({ ms }) => ms));
  console.log(
    `Redis ${name} ${ROUNDS} times: ${meanwhile.length} requests, ${failures(meanwhile).length} failed; p99 ${p99(meanwhile).toFixed(0)} ms (${normal.toFixed(0)} ms before), longest ${longest.toFixed(0)} ms; all known again within ${slowest.toFixed(0)} ms`,
  );
}
