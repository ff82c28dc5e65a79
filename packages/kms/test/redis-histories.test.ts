import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeaseTable } from '../src/store/lease-table.ts';
import type { Candidate, StateStore, Window } from '../src/store/state-store.ts';
import { WindowCounts } from '../src/store/window-counts.ts';
import { useRedis } from './support/redis-server.ts';
import { openTimed } from './support/redis-store.ts';

/** How many histories are tried of each sort. */
const HISTORIES = Number(process.env['REDIS_HISTORIES'] ?? 100);
const T = Date.UTC(2026, 9, 2, 12);
const KEYS = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'];
const IN_USE = 3;
const UNPROVEN = 2;
const IN_WINDOW = 4;
const TTL_MS = 20_000;

const terms = (now: number) => ({ session: 1, expiresAt: now + TTL_MS, model: 'm', client: 'c' });
const window = (keyId: string): Window => ({
  ...{ id: `${keyId}/minute`, startsAt: T, endsAt: T + 60_000, limit: IN_WINDOW },
});

const candidates = (lease: string, isFree: boolean) =>
  KEYS.map((keyId): Candidate => ({
    keyId,
    leaseId: `ours-${lease}-${keyId}`,
    slots: [
      { id: keyId, limit: IN_USE },
      { id: `probe/${keyId}`, limit: UNPROVEN, untilConfirmed: true },
    ],
    windows: isFree ? [window(keyId)] : [],
  }));

/** The slots that have leases. */
const inUse = async (store: StateStore, now: number) =>
  [...(await store.inFlight(now))].filter(([, count]) => count > 0);

const machine = fc.integer({ min: 0, max: 1 });
const lease = fc.integer({ min: 0, max: 12 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('reserve' as const), machine, isFree: fc.boolean() }),
  fc.record({ kind: fc.constant('release' as const), lease, unsent: fc.boolean() }),
  fc.record({ kind: fc.constant('confirm' as const), lease }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 9_000 }) }),
  fc.constant({ kind: 'forget scripts' as const }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Two machines on one Redis, and a single one in memory that is told the same. */
class History {
  readonly #stores: readonly StateStore[];
  readonly #forgetScripts: () => Promise<unknown>;
  readonly #model = new LeaseTable({
    isOfThisLife: () => true,
    onInFlight: () => undefined,
    windows: new WindowCounts(),
  });
  readonly #given: { leaseId: string; keyId: string; store: StateStore }[] = [];
  #now = T;
  #leases = 0;

  constructor(stores: readonly StateStore[], forgetScripts: () => Promise<unknown>) {
    this.#stores = stores;
    this.#forgetScripts = forgetScripts;
  }

  async take(each: Step): Promise<void> {
    if (each.kind === 'wait') this.#now += each.ms;
    else if (each.kind === 'forget scripts') await this.#forgetScripts();
    else if (each.kind === 'reserve') await this.#reserve(each.machine, each.isFree);
    else await this.#end(each);
  }

  async #reserve(index: number, isFree: boolean): Promise<void> {
    const store = this.#stores[index];
    if (store === undefined) return;
    const asked = candidates(String((this.#leases += 1)), isFree);
    const expected = this.#model.reserve(asked, terms(this.#now), this.#now);
    expect(await store.reserve(asked, terms(this.#now), this.#now)).toEqual(expected);
    if (expected.taken !== null) this.#given.push({ ...expected.taken, store });
  }

  async #end(each: Extract<Step, { kind: 'release' | 'confirm' }>): Promise<void> {
    const given = this.#given[each.lease];
    if (given === undefined) return;
    const { leaseId, keyId, store } = given;
    if (each.kind === 'confirm') {
      const expected = this.#model.confirm(leaseId, this.#now);
      expect(await store.confirm(leaseId, this.#now)).toBe(expected);
      return;
    }
    const expected = this.#model.release(leaseId, this.#now, each.unsent);
    expect(await store.release(leaseId, keyId, this.#now, each.unsent)).toEqual(expected);
  }

  async everyLeaseEnds(): Promise<void> {
    for (const store of this.#stores) {
      expect(await inUse(store, this.#now + TTL_MS)).toEqual([]);
    }
  }
}

const burst = fc.record({
  asked: fc.integer({ min: 1, max: 8 }),
  isFree: fc.boolean(),
  /** Whether something happens to Redis meanwhile. */
  isHit: fc.boolean(),
  /** Of those that were given, how many are reported at once. */
  reported: fc.integer({ min: 0, max: 8 }),
});

/** Requests of two machines at once, and what they were given. */
class Demand {
  readonly #stores: readonly StateStore[];
  readonly #held: { leaseId: string; keyId: string; store: StateStore }[] = [];
  readonly #counted = new Map<string, number>();
  /** How many machines may lend as if they were alone. */
  readonly #alone: number;
  #leases = 0;

  constructor(stores: readonly StateStore[], alone = 1) {
    this.#stores = stores;
    this.#alone = alone;
  }

  async ask(
    { asked, isFree, isHit, reported }: typeof burst extends fc.Arbitrary<infer B> ? B : never,
    hit: () => Promise<unknown>,
  ): Promise<void> {
    const askers = this.#stores.flatMap((store) => Array.from({ length: asked }, () => store));
    const asking = Promise.allSettled(askers.map((store) => this.#reserve(store, isFree)));
    if (isHit) await hit();
    await asking;
    for (const keyId of KEYS) {
      const held = this.#held.filter((each) => each.keyId === keyId);
      expect(held.length).toBeLessThanOrEqual(this.#alone * UNPROVEN);
      expect(this.#counted.get(keyId) ?? 0).toBeLessThanOrEqual(this.#alone * IN_WINDOW);
    }
    await this.#report(reported);
  }

  async reportAll(): Promise<void> {
    await this.#report(this.#held.length);
  }

  async #reserve(store: StateStore, isFree: boolean): Promise<void> {
    const drawn = candidates(String((this.#leases += 1)), isFree);
    const { taken } = await store.reserve(drawn, terms(T), T);
    if (taken === null) return;
    this.#held.push({ ...taken, store });
    if (isFree) this.#counted.set(taken.keyId, (this.#counted.get(taken.keyId) ?? 0) + 1);
  }

  async #report(count: number): Promise<void> {
    const over = this.#held.splice(0, count);
    await Promise.all(
      over.map(({ leaseId, keyId, store }) => store.release(leaseId, keyId, T, false)),
    );
  }
}

describe('in any history, machines that share a Redis', () => {
  const redis = useRedis();

  const withStores = async (work: (stores: readonly StateStore[]) => Promise<void>) => {
    const pool = { url: redis().url, prefix: randomBytes(6).toString('hex'), keyIds: KEYS };
    const timed = () => openTimed({ ...pool, policy: 'closed' }, T);
    const stores = [await timed(), await timed()];
    try {
      await work(stores);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  };

  it('allocate the leases that a single one would allocate', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) =>
        withStores(async (stores) => {
          const history = new History(stores, () => redis().admin('SCRIPT', 'FLUSH'));
          for (const each of steps) await history.take(each);
          await history.everyLeaseEnds();
        }),
      ),
      { numRuns: HISTORIES },
    );
  });

  /** Bursts of demand, in some of which something happens to Redis; in the end all is given back. */
  const inBursts = (hit: () => Promise<unknown>, alone: number) =>
    fc.assert(
      fc.asyncProperty(fc.array(burst, { minLength: 1, maxLength: 4 }), (bursts) =>
        withStores(async (stores) => {
          const demand = new Demand(stores, alone);
          for (const each of bursts) await demand.ask(each, hit);
          await demand.reportAll();
          for (const store of stores) {
            await expect.poll(() => store.status().trouble).toBeNull();
          }
          for (const store of stores) {
            await expect.poll(() => inUse(store, T)).toEqual([]);
          }
        }),
      ),
      { numRuns: HISTORIES },
    );

  it('never exceed the limits and lose no state when connections break', () =>
    inBursts(() => redis().admin('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'), 1));

  it('allocate no more than each would alone, and restore the state when Redis loses everything', () =>
    inBursts(() => redis().admin('FLUSHALL'), 2));
});
