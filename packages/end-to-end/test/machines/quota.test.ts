import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FREE_MODEL } from '../support/product.ts';
import { startClients, type Sample } from './support/clients.ts';
import { makeFastClock } from './support/fast-clock.ts';
import { startPool, type Pool } from './support/pool.ts';
import type { Counts } from './support/upstream.ts';

/** How many minutes of the pool's time are looked at; `POOL_MINUTES=10` for ten. */
const MINUTES = Number(process.env['POOL_MINUTES'] ?? 2);
/** Minutes of the pool in one real minute. Few: a busy machine delays a request by a multiple of this in the pool. */
const FACTOR = 2;
const MINUTE = 60_000;
const KEYS = 5;
/** What an account may ask of free models in a minute (OpenRouter docs, "Limits"). */
const PER_MINUTE = 20;

/** What OpenRouter's clock shows. */
async function timeThere({ upstream }: Pool): Promise<number> {
  return ((await upstream.control('GET', '/clock')) as { now: number }).now;
}

/** Waits until the middle of a minute. */
async function middleOf(pool: Pool, minute: number): Promise<void> {
  await sleep(((minute + 0.5) * MINUTE - (await timeThere(pool))) / FACTOR);
}

/** What the upstream answered between the middles of two minutes that the clients had exhausted by then. */
async function exhaustedMinute(pool: Pool, samples: () => Sample[]): Promise<[Counts, Counts]> {
  let before: Counts | undefined;
  for (let minute = Math.floor((await timeThere(pool)) / MINUTE) + 1; ; minute += 1) {
    await middleOf(pool, minute);
    const counts = await pool.upstream.counts();
    // Clients that are refused in this minute have used all it had; a slow machine may need longer.
    const since = performance.now() - (0.4 * MINUTE) / FACTOR;
    const isExhausted = samples().some(({ at, status }) => at >= since && status === 429);
    if (isExhausted && before !== undefined) return [before, counts];
    before = isExhausted ? counts : undefined;
  }
}

const total = (counts: Counts, status: string) =>
  Object.values(counts).reduce((sum, of) => sum + (of[status] ?? 0), 0);

describe('two machines whose clients ask for more than there is', () => {
  it(
    'use what the accounts have to the last request, and leave OpenRouter next to nothing to refuse',
    { timeout: 600_000 + (MINUTES * MINUTE * 4) / FACTOR },
    async () => {
      const clock = await makeFastClock(FACTOR);
      const pool = await startPool({ machines: 2, keys: KEYS, at: (host) => clock.at(host) });
      await using clients = startClients(
        pool.machines.map(({ system }) => system),
        { count: 8, pauseMs: 20, model: FREE_MODEL },
      );
      let answered = 0;
      for (let minute = 0; minute < MINUTES; minute += 1) {
        const [before, after] = await exhaustedMinute(pool, () => clients.samples.flat());
        answered += total(after, '200') - total(before, '200');
      }
      await clients.stop();
      const counts = await pool.upstream.counts();
      const share = answered / (MINUTES * KEYS * PER_MINUTE);
      if (process.env['POOL_MINUTES'] !== undefined) {
        const refused = clients.samples.flat().filter(({ status }) => status === 429).length;
        console.log(
          `${MINUTES} minutes: ${answered} answers, ${(share * 100).toFixed(1)} % of what the accounts had; ${total(counts, '429')} refused by OpenRouter, ${refused} here`,
        );
      }
      // A busy machine may send a request later than the margin at a minute's end allows.
      expect(total(counts, '429')).toBeLessThanOrEqual(0.05 * answered);
      expect(share).toBeGreaterThanOrEqual(0.98);
      expect(share).toBeLessThanOrEqual(1);
    },
  );
});
