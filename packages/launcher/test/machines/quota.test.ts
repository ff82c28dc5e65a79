import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FREE_MODEL } from '../system/support/product.ts';
import { startClients } from './support/clients.ts';
import { makeFastClock } from './support/fast-clock.ts';
import { startPool, type Pool } from './support/pool.ts';
import type { Counts } from './support/upstream.ts';

/** How many minutes of the pool's time are looked at; `POOL_MINUTES=10` for ten. */
const MINUTES = Number(process.env['POOL_MINUTES'] ?? 2);
/** So many of its minutes pass in one. */
const FACTOR = 10;
const MINUTE = 60_000;
const KEYS = 10;
/** What an account may ask of free models in a minute (OpenRouter docs, "Limits"). */
const PER_MINUTE = 20;

/** What OpenRouter's clock shows. */
async function timeThere({ upstream }: Pool): Promise<number> {
  return ((await upstream.control('GET', '/clock')) as { now: number }).now;
}

/** Waits until the middle of a minute, when all that it had has been asked for; counts what was answered. */
async function countedAt(pool: Pool, minute: number): Promise<Counts> {
  const middle = (minute + 0.5) * MINUTE;
  await sleep((middle - (await timeThere(pool))) / FACTOR);
  return pool.upstream.counts();
}

const total = (counts: Counts, status: string) =>
  Object.values(counts).reduce((sum, of) => sum + (of[status] ?? 0), 0);

describe('two machines whose clients ask for more than there is', () => {
  it(
    'use what the accounts have to the last request, and never ask for one more',
    { timeout: 600_000 + (MINUTES * MINUTE * 4) / FACTOR },
    async () => {
      const clock = await makeFastClock(FACTOR);
      const pool = await startPool({ machines: 2, keys: KEYS, at: (host) => clock.at(host) });
      await using clients = startClients(
        pool.machines.map(({ system }) => system),
        { count: 8, pauseMs: 20, model: FREE_MODEL },
      );
      const first = Math.floor((await timeThere(pool)) / MINUTE) + 1;
      const before = await countedAt(pool, first);
      const counts = await countedAt(pool, first + MINUTES);
      await clients.stop();
      const answered = total(counts, '200') - total(before, '200');
      const share = answered / (MINUTES * KEYS * PER_MINUTE);
      if (process.env['POOL_MINUTES'] !== undefined) {
        const refused = clients.samples.flat().filter(({ status }) => status === 429).length;
        console.log(
          `${MINUTES} minutes: ${answered} answers, ${(share * 100).toFixed(1)} % of what the accounts had; ${total(counts, '429')} refused by OpenRouter, ${refused} here`,
        );
      }
      expect(total(counts, '429')).toBe(0);
      expect(share).toBeGreaterThanOrEqual(0.98);
      expect(share).toBeLessThanOrEqual(1);
    },
  );
});
