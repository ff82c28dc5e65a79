import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  KmsError,
  type KeyView,
  type Lease,
  type LimitView,
  type Outcome,
} from '@openrouter-proxy/kms-protocol';
import { poolOf } from '../src/limits/model-pool.ts';
import { fakeKeys } from './support/fake-keys.ts';
import { ManualClock } from './support/manual-clock.ts';
import { memoryStore } from './support/memory-store.ts';
import { SUCCESS, UNAUTHORIZED, startPool, type PoolSetUp } from './support/pool.ts';

/** How many random histories are played; `KMS_HISTORIES=20000` plays more. */
const HISTORIES = Number(process.env['KMS_HISTORIES'] ?? 1_000);

const MODELS = ['a/b:free', 'c/d:free', 'e/f', 'g/h', null] as const;
const MINUTE = 60_000;
const DAY = 86_400_000;
/** A request reaches OpenRouter so much later, at most. */
const LANDING_MS = 2_000;

type Step =
  | { do: 'acquire'; model: number; landsAfter: number }
  | { do: 'report'; lease: number; outcome: Outcome }
  | { do: 'confirm'; lease: number }
  | { do: 'wait'; ms: number }
  | { do: 'back'; ms: number }
  | { do: 'restart' };

const refused = (kind: string, rest: object = {}) =>
  ({ kind, status: 429, evidence: [], detail: '', ...rest }) as unknown as Outcome;

const evidence = fc.oneof(
  fc.constant([]),
  fc
    .integer({ min: -5, max: 5_000 })
    .map((seconds) => [{ field: 'retry-after', from: 'header', value: String(seconds) }]),
  fc.constant([{ field: 'x-ratelimit-limit', from: 'body', value: '3' }]),
);
const anyOutcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(SUCCESS) },
  fc.constant(UNAUTHORIZED),
  ...(
    [
      'rate_limited',
      'key_limit_reached',
      'credits_exhausted',
      'budget_exhausted',
      'in_flight_budget_held',
      'model_throttled',
      'model_limited',
      'provider_limited',
      'provider_failed',
      'edge_blocked',
      'caller_error',
      'credits_short',
    ] as const
  ).map((kind) => evidence.map((pieces) => refused(kind, { evidence: pieces }))),
  fc
    .tuple(fc.constantFrom('minute', 'day'), evidence)
    .map(([window, pieces]) => refused('free_tier_exhausted', { window, evidence: pieces })),
  fc.constantFrom<Outcome>(
    { kind: 'connection_failed', detail: '' },
    { kind: 'timeout', detail: '' },
    { kind: 'truncated', detail: '' },
    { kind: 'client_abort' },
  ),
);

const forwards: fc.Arbitrary<Step>[] = [
  fc.record({
    do: fc.constant('acquire' as const),
    model: fc.nat(MODELS.length - 1),
    landsAfter: fc.nat(LANDING_MS),
  }),
  fc.record({ do: fc.constant('report' as const), lease: fc.nat(), outcome: anyOutcome }),
  fc.record({ do: fc.constant('confirm' as const), lease: fc.nat() }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 90_000 }) }),
  fc.constant({ do: 'restart' as const }),
];
const weights = [8, 6, 1, 3, 1];
const weighted = forwards.map((arbitrary, index) => ({ weight: weights[index] ?? 1, arbitrary }));
const backwards: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('back' as const),
  ms: fc.integer({ min: 1, max: 7_200_000 }),
});

interface Views {
  keys: KeyView[];
  limits: LimitView[];
}

/** Everything that is limited, by what it is about, with its end. */
function ends({ keys, limits }: Views): Map<string, number> {
  const all = new Map<string, number>();
  for (const { keyId, state, limits: own } of keys) {
    if (state.kind === 'cooling') all.set(keyId, state.until);
    for (const { scope, pool, model, until } of own)
      all.set(`${keyId} ${scope} ${pool} ${model}`, until);
  }
  for (const { scope, model, until } of limits) all.set(`${scope} ${model}`, until);
  return all;
}

const UPSTREAM = 'upstream null';
/** Refusals with which OpenRouter itself has answered, not what stands in front of it. */
const ANSWERS: readonly Outcome['kind'][] = ['caller_error', 'key_limit_reached', 'credits_short'];

const withoutEvidence = (limit: LimitView) => ({ ...limit, circuit: null });

/** Plays a history against a pool, and checks after each step what must hold whatever happens. */
class Play {
  readonly #setUp: PoolSetUp & { clock: ManualClock };
  #started: Awaited<ReturnType<typeof startPool>>;
  readonly #given: { lease: Lease; isReported: boolean }[] = [];
  #wasSetBack = false;
  /** When each request to a free model may have landed, by account. */
  readonly landed: { account: string; at: number }[] = [];

  private constructor(
    setUp: PoolSetUp & { clock: ManualClock },
    started: Awaited<ReturnType<typeof startPool>>,
  ) {
    this.#setUp = setUp;
    this.#started = started;
  }

  static async start(accounts: readonly number[]): Promise<Play> {
    const kept = new Map<string, string>();
    const keys = fakeKeys(...accounts.map(() => null)).map((key, index) => ({
      ...key,
      account: `account-${accounts[index]}`,
    }));
    const clock = new ManualClock(Date.UTC(2026, 9, 2, 23, 50));
    const setUp: PoolSetUp & { clock: ManualClock } = {
      keys,
      openStore: (options) => memoryStore(options, kept),
      clock,
      random: () => 0.5,
      freeAllowance: { minute: 4, day: 12 },
    };
    return new Play(setUp, await startPool(setUp));
  }

  get #now(): number {
    return this.#setUp.clock.now();
  }

  async step(step: Step): Promise<void> {
    const before = await this.#views();
    await this.#take(step, before);
    const after = await this.#views();
    if (step.do === 'report') this.#checkMonotone(before, after, step.outcome);
    if (step.do === 'restart' && !this.#wasSetBack) {
      expect(this.#lasting(after)).toEqual(this.#lasting(before));
    }
    if (step.do === 'back') this.#checkSetBack(before, after, step.ms);
  }

  async #views(): Promise<Views> {
    const { pool } = this.#started;
    return { keys: await pool.list(), limits: (await pool.status()).limits };
  }

  async #take(step: Step, before: Views): Promise<void> {
    const { clock } = this.#setUp;
    switch (step.do) {
      case 'acquire':
        return this.#acquire(MODELS[step.model] ?? null, step.landsAfter, before);
      case 'report':
        return this.#report(step.lease, step.outcome);
      case 'confirm': {
        const given = this.#given[step.lease % this.#given.length];
        if (given !== undefined) await this.#started.pool.confirm(given.lease.leaseId);
        return;
      }
      case 'wait':
        clock.advance(step.ms);
        return;
      case 'back':
        this.#wasSetBack = true;
        clock.advance(-step.ms);
        return;
      case 'restart':
        this.#started = await startPool(this.#setUp);
        for (const given of this.#given) given.isReported = true; // what is told now may be told again
    }
  }

  async #acquire(model: string | null, landsAfter: number, before: Views): Promise<void> {
    const now = this.#now;
    const pool = poolOf(model);
    const tripped = before.limits.filter(
      ({ scope, model: limited }) =>
        scope === 'upstream' || (scope === 'model' && limited === model),
    );
    const isHeld = tripped.some(({ circuit }) => circuit?.state !== 'half-open');
    const isLimited = ({ limits }: KeyView) =>
      limits.some((limit) =>
        limit.model === null ? limit.pool === 'all' || limit.pool === pool : limit.model === model,
      );
    const hasRoom = ({ freeRequests }: KeyView) =>
      pool === 'paid' ||
      [freeRequests.minute, freeRequests.day].every(
        ({ used, limit }) => used < (limit ?? Infinity),
      );
    const mayServe = before.keys.filter(
      (key) =>
        !isHeld &&
        !isLimited(key) &&
        hasRoom(key) &&
        (key.state.kind === 'available' || key.state.kind === 'returning'),
    );
    try {
      const lease = await this.#started.pool.acquire(1, { model });
      expect(mayServe.map(({ keyId }) => keyId)).toContain(lease.keyId);
      this.#given.push({ lease, isReported: false });
      if (pool === 'free') this.landed.push({ account: lease.account, at: now + landsAfter });
    } catch (error) {
      if (!KmsError.is(error, 'NO_KEY_AVAILABLE')) throw error;
      // Free models may be held for a window that comes next; returning keys for want of proof.
      const mustServe = mayServe.filter(
        // A half-open circuit may have a probe under way.
        ({ state }) => pool === 'paid' && state.kind === 'available' && tripped.length === 0,
      );
      expect(mustServe).toEqual([]);
      const { retryAfterMs } = error.data;
      if (retryAfterMs !== null) {
        expect(retryAfterMs).toBeGreaterThanOrEqual(0);
        expect(Number.isSafeInteger(retryAfterMs)).toBe(true);
      }
    }
  }

  async #report(which: number, outcome: Outcome): Promise<void> {
    const given = this.#given[which % this.#given.length];
    if (given === undefined) return;
    const { pool } = this.#started;
    await pool.report(given.lease.leaseId, outcome);
    given.isReported = true;
    const once = await this.#views();
    expect(await pool.report(given.lease.leaseId, outcome)).toEqual({ applied: false });
    expect(await this.#views()).toEqual(once);
  }

  /**
   * Reports never shorten a limit, but for a success, and for strikes that turn out to be everybody's. Any
   * answer of OpenRouter's closes the circuit of the upstream.
   */
  #checkMonotone(before: Views, after: Views, outcome: Outcome): void {
    if (outcome.kind === 'success' || outcome.kind === 'unauthorized') return;
    const later = ends(after);
    for (const [name, until] of ends(before)) {
      if (name === UPSTREAM && ANSWERS.includes(outcome.kind)) continue;
      expect(later.get(name) ?? -Infinity).toBeGreaterThanOrEqual(until);
    }
  }

  /** After the clock was set back nothing is un-limited, and nothing has more left than it had. */
  #checkSetBack(before: Views, after: Views, ms: number): void {
    const now = this.#now;
    const later = ends(after);
    for (const [name, until] of ends(before)) {
      const [left, had] = [(later.get(name) ?? -Infinity) - now, until - (now + ms)];
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(Math.max(had, had + ms));
    }
  }

  /**
   * The state that a restart keeps. Full windows are found again from their counts, a half-open circuit
   * is closed, and of an open one only the evidence that opened it is kept.
   */
  #lasting({ keys, limits }: Views) {
    const lasts = ({ cause, circuit }: LimitView) =>
      cause.reason !== 'free_requests_used' && circuit?.state !== 'half-open';
    return {
      keys: keys.map(({ keyId, state, freeRequests, limits: own, account }) => ({
        ...{ keyId, account, freeRequests },
        state: state.kind === 'available' ? 'available' : state,
        limits: own.filter(lasts).map(withoutEvidence),
      })),
      limits: limits.filter(lasts).map(withoutEvidence),
    };
  }
}

const accounts = fc.array(fc.nat(2), { minLength: 1, maxLength: 5 });

it('holds its promises through any history, restarts and a clock that is set back included', async () => {
  const steps = fc.array(fc.oneof(...weighted, { weight: 1, arbitrary: backwards }), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(accounts, steps, async (owners, history) => {
      const play = await Play.start(owners);
      for (const step of history) await play.step(step);
    }),
    { numRuns: HISTORIES },
  );
});

it('never lets more requests to free models land in a minute or a day than OpenRouter allows', async () => {
  const steps = fc.array(fc.oneof(...weighted), { minLength: 20, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(accounts, steps, async (owners, history) => {
      const play = await Play.start(owners);
      for (const step of history) await play.step(step);
      for (const [length, limit] of [
        [MINUTE, 4],
        [DAY, 12],
      ] as const) {
        const landed = Map.groupBy(
          play.landed,
          ({ account, at }) => `${account} ${Math.floor(at / length)}`,
        );
        for (const requests of landed.values()) expect(requests.length).toBeLessThanOrEqual(limit);
      }
    }),
    { numRuns: HISTORIES },
  );
});
