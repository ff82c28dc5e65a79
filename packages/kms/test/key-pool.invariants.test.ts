import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  KmsError,
  type KeyView,
  type LimitView,
  type Lease,
  type NoKeyData,
  type Outcome,
  type Result,
} from '@openrouter-proxy/kms-protocol';
import { PROBE_MS } from '../src/circuits/circuit-breaker.ts';
import type { KeyCommand } from '../src/keys/key-state.ts';
import type { Selection, Strategy } from '../src/selection/ranking.ts';
import { fakeKeys } from './support/fake-keys.ts';
import { ManualClock } from './support/manual-clock.ts';
import { memoryStore } from './support/memory-store.ts';
import {
  LEASE_TTL_MS,
  SUCCESS,
  UNAUTHORIZED,
  limited,
  startPool,
  type PoolSetUp,
} from './support/pool.ts';

/** How many random histories are played; `KMS_HISTORIES=20000` plays more. */
const HISTORIES = Number(process.env['KMS_HISTORIES'] ?? 1_000);

type Step =
  | { do: 'acquire'; exclude: number[] }
  | { do: 'report'; lease: number; outcome: Outcome }
  | { do: 'command'; key: number; command: KeyCommand }
  | { do: 'wait'; ms: number }
  | { do: 'restart' };

const anyOutcome = fc.oneof(
  fc.constant(SUCCESS),
  fc.constant(UNAUTHORIZED),
  fc.integer({ min: 1, max: 600 }).map(limited),
  fc.constant<Outcome>({ kind: 'connection_failed', detail: '' }),
);
const anyCommand: fc.Arbitrary<KeyCommand> = fc.oneof(
  fc.constant({ kind: 'disable' as const, reason: '' }),
  fc.constant({ kind: 'enable' as const }),
  fc.constant({ kind: 'uncool' as const }),
  fc.record({
    kind: fc.constant('cool' as const),
    forMs: fc.integer({ min: 1, max: 100_000 }),
    reason: fc.constant(''),
  }),
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('acquire' as const),
      exclude: fc.uniqueArray(fc.nat({ max: 5 }), { maxLength: 2 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      lease: fc.nat(),
      outcome: anyOutcome,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('command' as const),
      key: fc.nat(),
      command: anyCommand,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.integer({ min: 1, max: 400_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
);
type AnyPool = Omit<Selection, 'affinity'> & { caps: (number | null)[] };
type Status = Result<'service.status'>;

const anyPool: fc.Arbitrary<AnyPool> = fc.record({
  caps: fc.array(fc.option(fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 5 }),
  strategy: fc.constantFrom<Strategy[]>('round-robin', 'first', 'random', 'least-busy'),
  same: fc.boolean(),
});

type SetUp = PoolSetUp & { clock: ManualClock };
type Started = Awaited<ReturnType<typeof startPool>>;

/** Plays a history against a pool and checks, after each step, what must hold whatever happens. */
class Play {
  readonly #setUp: SetUp;
  #started: Started;
  /** Every lease ever given; those that are in force, by the rules of the contract. */
  readonly #given: { lease: Lease; isReported: boolean; isOfThisLife: boolean }[] = [];

  private constructor(setUp: SetUp, started: Started) {
    this.#setUp = setUp;
    this.#started = started;
  }

  static async start({ caps, strategy, same }: AnyPool): Promise<Play> {
    const kept = new Map<string, string>();
    const setUp: SetUp = {
      keys: fakeKeys(...caps),
      openStore: (options) => memoryStore(options, kept),
      selection: { strategy, same },
      clock: new ManualClock(),
    };
    return new Play(setUp, await startPool(setUp));
  }

  async step(step: Step): Promise<void> {
    const { pool } = this.#started;
    const [before, status] = [await pool.list(), await pool.status()];
    await this.#take(step, before, status);
    const after = await this.#started.pool.list();
    this.#checkCounts(after);
    const { limits } = await this.#started.pool.status();
    if (limits.length === 0) this.#checkOthersUntouched(step, before, after);
  }

  async #take(step: Step, before: KeyView[], { limits }: Pick<Status, 'limits'>): Promise<void> {
    switch (step.do) {
      case 'acquire':
        return this.#acquire(step.exclude, before, limits[0]);
      case 'report':
        return this.#report(step.lease, step.outcome);
      case 'command': {
        const key = before[step.key % before.length];
        await this.#started.pool.command(key?.keyId ?? '', step.command);
        return;
      }
      case 'wait':
        this.#setUp.clock.advance(step.ms);
        return;
      case 'restart': {
        this.#started = await startPool(this.#setUp);
        // What came before a restart is told once more by a gateway that never got an answer.
        for (const given of this.#given)
          Object.assign(given, { isOfThisLife: false, isReported: false });
        const states = (views: KeyView[]) =>
          views.map(({ state }) => (state.kind === 'available' ? 'available' : state));
        expect(states(await this.#started.pool.list())).toEqual(states(before));
      }
    }
  }

  async #acquire(
    excluded: number[],
    before: KeyView[],
    blocked: LimitView | undefined,
  ): Promise<void> {
    const exclude = excluded.flatMap((key) => before[key]?.keyId ?? []);
    const hasRoom = ({ keyId, inFlight, maxConcurrency }: KeyView) =>
      inFlight < (maxConcurrency ?? Infinity) && !exclude.includes(keyId);
    const canServe = (key: KeyView) => key.state.kind === 'available' && hasRoom(key);
    const mayServe = (key: KeyView) =>
      canServe(key) || (key.state.kind === 'returning' && hasRoom(key));
    try {
      const lease = await this.#started.pool.acquire(1, { exclude });
      const isHalfOpen = blocked?.circuit?.state === 'half-open';
      if (!isHalfOpen) expect(blocked).toBeUndefined();
      const usable = before.filter(mayServe).map(({ keyId }) => keyId);
      expect(usable).toContain(lease.keyId);
      const isReturning = before.some(
        ({ keyId, state }) => keyId === lease.keyId && state.kind === 'returning',
      );
      if (!isHalfOpen) expect(lease.probe).toBe(isReturning);
      this.#given.push({ lease, isReported: false, isOfThisLife: true });
    } catch (error) {
      if (!KmsError.is(error, 'NO_KEY_AVAILABLE')) throw error;
      this.#checkRefusal(error.data, before, before.filter(canServe), blocked);
    }
  }

  #checkRefusal(
    { reason, retryAfterMs }: NoKeyData,
    before: KeyView[],
    usable: KeyView[],
    blocked: LimitView | undefined,
  ): void {
    const now = this.#setUp.clock.now();
    if (blocked !== undefined && this.#isOfCircuit({ reason, retryAfterMs }, blocked)) return;
    expect(usable).toEqual([]);
    if (reason === 'keys_refused') {
      expect(retryAfterMs).toBeNull();
      return;
    }
    const ends = before.flatMap(({ state }) => (state.kind === 'cooling' ? state.until - now : []));
    const busy = reason === 'busy' ? [1_000] : [];
    const soonest = Math.min(...ends, ...busy);
    expect(retryAfterMs).toBe(soonest === Infinity ? null : soonest);
    if (retryAfterMs !== null) expect(retryAfterMs).toBeGreaterThanOrEqual(0);
  }

  /** Whether a refusal is a circuit breaker's: of one that is open it always is. */
  #isOfCircuit({ reason, retryAfterMs }: NoKeyData, blocked: LimitView): boolean {
    if (blocked.circuit?.state === 'half-open') {
      if (reason !== 'upstream_blocked') return false;
      expect(retryAfterMs).toBeLessThanOrEqual(PROBE_MS); // a probe is under way
      return true;
    }
    const isOfKeys = blocked.cause.reason === 'unauthorized';
    expect({ reason, retryAfterMs }).toEqual({
      reason: isOfKeys ? 'keys_refused' : 'upstream_blocked',
      retryAfterMs: isOfKeys ? null : blocked.until - this.#setUp.clock.now(),
    });
    return true;
  }

  async #report(which: number, outcome: Outcome): Promise<void> {
    const given = this.#given[which % this.#given.length];
    if (given === undefined) return;
    const { pool } = this.#started;
    const { leaseId } = given.lease;
    expect(await pool.report(leaseId, outcome)).toEqual({ applied: !given.isReported });
    given.isReported = true;
    const once = await pool.list();
    expect(await pool.report(leaseId, outcome)).toEqual({ applied: false });
    expect(await pool.list()).toEqual(once);
  }

  #checkCounts(views: KeyView[]): void {
    const now = this.#setUp.clock.now();
    const inForce = this.#given.filter(
      ({ lease, isReported, isOfThisLife }) => isOfThisLife && !isReported && lease.expiresAt > now,
    );
    for (const { keyId, inFlight, maxConcurrency } of views) {
      expect(inFlight).toBe(inForce.filter(({ lease }) => lease.keyId === keyId).length);
      expect(inFlight).toBeLessThanOrEqual(maxConcurrency ?? Infinity);
    }
  }

  /** A report changes no key but its own; keys that are refused alike are not set aside for it. */
  #checkOthersUntouched(step: Step, before: KeyView[], after: KeyView[]): void {
    if (step.do !== 'report') return;
    const about = this.#given[step.lease % this.#given.length]?.lease.keyId;
    for (const [index, { keyId, state }] of after.entries()) {
      const was = before[index]?.state;
      const isAbsolved = step.outcome.kind === 'unauthorized' && was?.kind === 'cooling';
      if (keyId === about || (isAbsolved && state.kind === 'available')) continue;
      expect(state).toEqual(was);
    }
  }
}

it('holds its promises through any history', async () => {
  await fc.assert(
    fc.asyncProperty(anyPool, fc.array(anyStep, { maxLength: 60 }), async (pool, steps) => {
      const play = await Play.start(pool);
      for (const step of steps) await play.step(step);
    }),
    { numRuns: HISTORIES },
  );
});

it('gives every key its share, to one lease', async () => {
  const anyShare = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 20 }));
  await fc.assert(
    fc.asyncProperty(anyShare, fc.nat({ max: 11 }), async ([keys, share], rest) => {
      const kept = new Map<string, string>();
      const { pool } = await startPool({
        keys: fakeKeys(...Array.from({ length: keys }, () => null)),
        openStore: (options) => memoryStore(options, kept),
      });
      const given = new Map<string, number>();
      for (let lease = 0; lease < keys * share + (rest % keys); lease += 1) {
        const { leaseId, keyId } = await pool.acquire(1);
        given.set(keyId, (given.get(keyId) ?? 0) + 1);
        if (lease % 3 === 0) await pool.report(leaseId, SUCCESS);
      }
      expect(given.size).toBe(keys);
      for (const count of given.values()) expect([share, share + 1]).toContain(count);
    }),
    { numRuns: 50 },
  );
});

it('keeps only active leases when nobody reports', async () => {
  const kept = new Map<string, string>();
  const { pool, clock } = await startPool({
    keys: fakeKeys(null, null),
    openStore: (options) => memoryStore(options, kept),
  });
  for (let second = 0; second < 5_000; second += 1) {
    await pool.acquire(1);
    clock.advance(1_000);
  }
  expect((await pool.status()).leasesInFlight).toBe(LEASE_TTL_MS / 1_000 - 1);
});
