import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  KmsError,
  type KeyCheckResult,
  type KeyMetadata,
  type Outcome,
} from '@openrouter-proxy/kms-protocol';
import type { AcquireRequest } from '../src/leasing/allocation.ts';
import { fakeKeys } from './support/fake-keys.ts';
import { memoryStore } from './support/memory-store.ts';
import { SUCCESS, UNAUTHORIZED, limited, startPool, type PoolSetUp } from './support/pool.ts';

const FREE = 'a/b:free';
const PAID = 'a/b';

function start(accounts: (string | null)[], setUp: Partial<PoolSetUp> = {}) {
  const kept = new Map<string, string>();
  const keys = fakeKeys(...accounts.map(() => null)).map((key, index) => ({
    ...key,
    account: accounts[index] ?? null,
  }));
  const openStore: PoolSetUp['openStore'] = (options) => memoryStore(options, kept);
  const parts = { keys, openStore, random: () => 0.5, ...setUp };
  return { started: startPool(parts), restart: () => startPool(parts) };
}

type Pool = Awaited<ReturnType<typeof startPool>>['pool'];

/** What an acquire was refused with. */
async function refusal(pool: Pool, request: AcquireRequest) {
  const error: unknown = await pool.acquire(1, request).then(
    () => expect.unreachable('a lease was given'),
    (reason: unknown) => reason,
  );
  if (!KmsError.is(error, 'NO_KEY_AVAILABLE')) throw error;
  return error.data;
}

/** One request that ends with an outcome; gives the key it was sent under. */
async function use(pool: Pool, outcome: Outcome, request: AcquireRequest = {}): Promise<string> {
  const { leaseId, keyName } = await pool.acquire(1, request);
  await pool.report(leaseId, outcome);
  return keyName;
}

const refused = (kind: string, rest: object = {}) =>
  ({ kind, status: 429, evidence: [], detail: 'x', ...rest }) as unknown as Outcome;
const DAY_SPENT = refused('free_tier_exhausted', { window: 'day' });

describe('a limit of an account', () => {
  it('costs one refusal, however many keys share it, and leaves paid models alone', async () => {
    const { pool, clock } = await start(['one', 'one', 'one', 'two']).started;
    expect(await use(pool, DAY_SPENT, { model: FREE })).toBe('k0');
    for (let n = 0; n < 5; n += 1) expect(await use(pool, SUCCESS, { model: FREE })).toBe('k3');
    const paid = new Set(
      await Promise.all([1, 2, 3, 4].map(() => use(pool, SUCCESS, { model: PAID }))),
    );
    expect(paid).toEqual(new Set(['k0', 'k1', 'k2', 'k3']));
    clock.advance(12 * 3_600_000);
    const free = new Set(
      await Promise.all([1, 2, 3, 4].map(() => use(pool, SUCCESS, { model: FREE }))),
    );
    expect(free.size).toBe(4);
  });

  it('ends when an operator uncools one of its keys', async () => {
    const { pool } = await start(['one', 'one']).started;
    await use(pool, refused('credits_exhausted'), { model: PAID });
    expect((await refusal(pool, { model: PAID })).reason).toBe('cooling');
    const [key] = await pool.list();
    await pool.command(key?.keyId ?? '', { kind: 'uncool' });
    expect((await pool.list()).flatMap(({ limits }) => limits)).toEqual([]);
    await use(pool, SUCCESS, { model: PAID });
  });

  it('is told when every account has it, with the soonest return', async () => {
    const { pool, clock } = await start(['one', 'two']).started;
    await use(pool, DAY_SPENT, { model: FREE });
    await use(pool, refused('free_tier_exhausted', { window: 'minute' }), { model: FREE });
    expect(await refusal(pool, { model: FREE })).toEqual({
      reason: 'cooling',
      retryAfterMs: 60_000,
      because: 'free_tier_exhausted',
    });
    clock.advance(60_000);
    expect(await use(pool, SUCCESS, { model: FREE })).toBe('k1');
  });

  it('is known after a restart', async () => {
    const { started, restart } = start(['one', 'one']);
    const { pool } = await started;
    await use(pool, DAY_SPENT, { model: FREE });
    const again = (await restart()).pool;
    expect((await refusal(again, { model: FREE })).reason).toBe('cooling');
    expect(await use(again, SUCCESS, { model: PAID })).toBe('k0');
  });

  it('is shown with each of its keys, and who shares it with whom', async () => {
    const { pool } = await start(['one', 'one', null]).started;
    await use(pool, DAY_SPENT, { model: FREE });
    const views = await pool.list();
    expect(views.map(({ account }) => account)).toEqual(['one', 'one', 'k2']);
    expect(views.map(({ limits }) => limits.length)).toEqual([1, 1, 0]);
    expect(views[0]?.limits[0]).toMatchObject({ scope: 'account', pool: 'free' });
    expect((await pool.status()).sharedAccounts).toEqual([{ account: 'one', keys: ['k0', 'k1'] }]);
  });
});

describe('trouble that is not the key’s', () => {
  it('of a provider holds its model back for every key, and nothing else', async () => {
    const { pool, clock } = await start([null, null]).started;
    for (let n = 0; n < 3; n += 1) await use(pool, refused('provider_limited'), { model: PAID });
    expect(await refusal(pool, { model: PAID })).toEqual({
      reason: 'model_limited',
      retryAfterMs: 1_000,
    });
    expect(await use(pool, SUCCESS, { model: 'c/d' })).toBe('k1');
    clock.advance(1_000);
    await use(pool, SUCCESS, { model: PAID });
    expect((await pool.list()).every(({ state }) => state.kind === 'available')).toBe(true);
  });

  it('of one model on one key leaves other keys and models', async () => {
    const { pool } = await start([null, null]).started;
    expect(await use(pool, limited(60), { model: PAID })).toBe('k0');
    for (let n = 0; n < 3; n += 1) expect(await use(pool, SUCCESS, { model: PAID })).toBe('k1');
    const others = [
      await use(pool, SUCCESS, { model: 'c/d' }),
      await use(pool, SUCCESS, { model: 'c/d' }),
    ];
    expect(others.toSorted()).toEqual(['k0', 'k1']);
  });

  it('of three models on one key is the key’s after all', async () => {
    const { pool } = await start([null]).started;
    for (const model of ['m1', 'm2', 'm3']) await use(pool, limited(600), { model });
    expect((await pool.list())[0]?.state.kind).toBe('cooling');
  });

  it('of one model on three keys is the model’s: no further key is burnt', async () => {
    const { pool } = await start([null, null, null, null, null]).started;
    for (let n = 0; n < 3; n += 1) await use(pool, limited(60), { model: PAID });
    expect((await refusal(pool, { model: PAID })).reason).toBe('model_limited');
    expect(await use(pool, SUCCESS, { model: 'c/d' })).toBe('k3');
  });

  it('of one model on three accounts is the model’s', async () => {
    const { pool } = await start(['one', 'two', 'three', 'four']).started;
    const throttled = refused('model_throttled', {
      evidence: [{ field: 'retry-after', from: 'header', value: '60' }],
    });
    for (let n = 0; n < 3; n += 1) await use(pool, throttled, { model: PAID });
    expect((await refusal(pool, { model: PAID })).reason).toBe('model_limited');
  });

  it('of the connection holds everything back after three requests, and a success ends it', async () => {
    const { pool, clock } = await start([null, null]).started;
    const failed: Outcome = { kind: 'connection_failed', detail: '' };
    await use(pool, failed);
    await use(pool, failed);
    await use(pool, SUCCESS);
    clock.advance(5_000);
    for (let n = 0; n < 3; n += 1) await use(pool, failed);
    expect(await refusal(pool, {})).toEqual({ reason: 'upstream_blocked', retryAfterMs: 1_000 });
    clock.advance(1_000);
    await use(pool, SUCCESS);
  });

  it('of one client holds no other back, and ends for that client with a success of another', async () => {
    const { pool } = await start([null, null]).started;
    const failed: Outcome = { kind: 'connection_failed', detail: '' };
    const ask = (client: string, n: number) => ({
      client,
      requestId: `${client} ${n}`,
      model: PAID,
    });
    for (let n = 0; n < 50; n += 1) {
      const lease = await pool.acquire(1, ask('poison', n)).catch(() => null);
      if (lease !== null) await pool.report(lease.leaseId, failed);
    }
    expect((await refusal(pool, ask('poison', 50))).reason).toBe('upstream_blocked');
    expect((await pool.status()).limits).toMatchObject([
      { scope: 'upstream', circuit: { state: 'open', requests: 3, clients: 1 } },
    ]);
    await use(pool, SUCCESS, ask('other', 0));
    await use(pool, SUCCESS, ask('poison', 51));
    expect((await pool.status()).limits).toEqual([]);
  });

  it('is none of the attempts of one request', async () => {
    const { pool } = await start([null, null]).started;
    const failed: Outcome = { kind: 'connection_failed', detail: '' };
    for (let n = 0; n < 10; n += 1) await use(pool, failed, { requestId: 'same', client: 'a' });
    await use(pool, SUCCESS, { requestId: 'other', client: 'a' });
  });

  it('of a half-open circuit is found out by one request, for which the others wait', async () => {
    const { pool, clock } = await start([null, null]).started;
    const failed: Outcome = { kind: 'connection_failed', detail: '' };
    const ask = (n: number) => ({ client: 'a', requestId: `${n}`, probeWaitMs: 2_500 });
    for (let n = 0; n < 3; n += 1) await use(pool, failed, ask(n));
    clock.advance(1_000);
    const probe = await pool.acquire(1, ask(3));
    expect(probe.probe).toBe(true);
    const waiting = pool.acquire(1, ask(4));
    await turn();
    await pool.confirm(probe.leaseId);
    expect((await waiting).keyName).toMatch(/^k\d$/);
    expect((await pool.status()).limits).toEqual([]);
  });

  it('of an endpoint that is no model’s sets no key aside', async () => {
    const { pool } = await start(['one', 'two', 'three']).started;
    for (let n = 0; n < 3; n += 1) await use(pool, UNAUTHORIZED, { api: 'other' });
    expect((await pool.list()).map(({ state }) => state.kind)).toEqual(
      Array.from({ length: 3 }, () => 'available'),
    );
    await use(pool, SUCCESS);
  });

  it('is not what clients are told of when OpenRouter refuses the only key', async () => {
    const { pool } = await start(['one']).started;
    await use(pool, UNAUTHORIZED);
    expect(await refusal(pool, {})).toEqual({ reason: 'keys_refused', retryAfterMs: null });
  });

  it('that strikes the keys of several accounts within moments strikes none', async () => {
    const { pool, clock } = await start(['one', 'two', 'three']).started;
    for (let n = 0; n < 3; n += 1) await use(pool, UNAUTHORIZED);
    expect(await refusal(pool, {})).toEqual({ reason: 'keys_refused', retryAfterMs: null });
    clock.advance(5_000);
    const kinds = (await pool.list()).map(({ state }) => state.kind);
    expect(kinds).toEqual(['available', 'available', 'available']);
  });
});

it('sets no key aside for what ten thousand clients did wrong', async () => {
  const freeAllowance = { minute: 100_000, day: null };
  const { pool, told } = await start([null, null, null], { freeAllowance }).started;
  const wrongs: Outcome[] = [
    ...[400, 404, 413, 422, 403].map((status) => refused('caller_error', { status })),
    refused('credits_short'),
    { kind: 'client_abort' },
    { kind: 'unused' },
  ];
  for (let n = 0; n < 10_000; n += 1) {
    const wrong = wrongs[n % wrongs.length] ?? SUCCESS;
    await use(pool, wrong, { model: n % 2 === 0 ? FREE.replace('b', `b${n}`) : PAID });
  }
  expect(told).toEqual([]);
});

describe('pacing', () => {
  it('sends no request to a free model that OpenRouter would refuse', async () => {
    const { pool, clock } = await start(['one', 'one'], { freeAllowance: { minute: 3, day: 5 } })
      .started;
    for (let n = 0; n < 3; n += 1) await use(pool, SUCCESS, { model: FREE });
    expect(await refusal(pool, { model: FREE })).toEqual({
      reason: 'cooling',
      retryAfterMs: 60_000,
      because: 'free_requests_used',
    });
    await use(pool, SUCCESS, { model: PAID });
    clock.advance(60_000);
    for (let n = 0; n < 2; n += 1) await use(pool, SUCCESS, { model: FREE });
    expect(await refusal(pool, { model: FREE })).toEqual({
      reason: 'cooling',
      retryAfterMs: 12 * 3_600_000 - 60_000,
      because: 'free_requests_used',
    });
  });

  it('counts what was refused, and not what was never sent', async () => {
    const { pool } = await start([null], { freeAllowance: { minute: 2, day: null } }).started;
    for (let n = 0; n < 5; n += 1) await use(pool, { kind: 'unused' }, { model: FREE });
    await use(pool, refused('caller_error'), { model: FREE });
    await use(pool, refused('provider_failed'), { model: FREE });
    expect((await refusal(pool, { model: FREE })).reason).toBe('cooling');
    expect((await pool.list())[0]?.freeRequests.minute).toMatchObject({ used: 2, limit: 2 });
  });

  it('counts in both of two windows what may land in either', async () => {
    const { pool, clock } = await start([null], { freeAllowance: { minute: 1, day: null } })
      .started;
    clock.advance(59_000);
    await use(pool, SUCCESS, { model: FREE });
    clock.advance(2_000);
    expect((await refusal(pool, { model: FREE })).reason).toBe('cooling');
    clock.advance(59_000);
    await use(pool, SUCCESS, { model: FREE });
  });

  it('remembers what was used across a restart', async () => {
    const { started, restart } = start([null], { freeAllowance: { minute: 20, day: 2 } });
    const { pool } = await started;
    await use(pool, SUCCESS, { model: FREE });
    await use(pool, SUCCESS, { model: FREE });
    const again = (await restart()).pool;
    expect((await refusal(again, { model: FREE })).reason).toBe('cooling');
  });

  it('learns from a refusal how much there is', async () => {
    const { pool } = await start([null], { freeAllowance: { minute: 20, day: null } }).started;
    const evidence = [{ field: 'x-ratelimit-limit', from: 'header', value: '50' }];
    await use(pool, refused('free_tier_exhausted', { window: 'day', evidence }), { model: FREE });
    expect((await pool.list())[0]?.freeRequests.day.limit).toBe(50);
  });
});

describe('a key that returns from a cooldown whose end was a guess', () => {
  const GUESSED = refused('key_limit_reached');

  async function returning() {
    const { pool, clock } = await start([null]).started;
    await use(pool, GUESSED);
    clock.advance(3_600_000);
    return { pool, clock };
  }

  it('is confirmed by one probe, then by two, then by four', async () => {
    const { pool } = await returning();
    for (const allowance of [1, 2, 4, 8]) {
      expect((await pool.list())[0]?.state).toMatchObject({ kind: 'returning', allowance });
      const leases = [];
      for (let n = 0; n < allowance; n += 1) leases.push(await pool.acquire(1));
      expect(leases.every(({ probe }) => probe)).toBe(true);
      expect((await refusal(pool, {})).reason).toBe('busy');
      for (const { leaseId } of leases.slice(1)) await pool.report(leaseId, { kind: 'unused' });
      expect(await pool.confirm(leases[0]?.leaseId ?? '')).toEqual({ applied: true });
    }
    expect((await pool.list())[0]?.state.kind).toBe('available');
    expect((await pool.acquire(1)).probe).toBe(false);
  });

  it('counts a success or a confirmation of a probe, but not both', async () => {
    const { pool } = await returning();
    const { leaseId } = await pool.acquire(1);
    await pool.confirm(leaseId);
    await pool.report(leaseId, SUCCESS);
    expect((await pool.list())[0]?.state).toMatchObject({ allowance: 2 });
    await use(pool, SUCCESS);
    expect((await pool.list())[0]?.state).toMatchObject({ allowance: 4 });
  });

  it('cools again when it is refused again', async () => {
    const { pool } = await returning();
    await use(pool, GUESSED);
    expect((await pool.list())[0]?.state.kind).toBe('cooling');
  });

  it('takes no part where the end was known', async () => {
    const { pool, clock } = await start([null]).started;
    await use(
      pool,
      refused('key_limit_reached', {
        evidence: [{ field: 'retry-after', from: 'header', value: '60' }],
      }),
    );
    clock.advance(60_000);
    expect((await pool.list())[0]?.state.kind).toBe('available');
  });
});

const FACTS: KeyMetadata = {
  kind: 'facts',
  owner: null,
  limitRemaining: null,
  limitReset: null,
  expiresAt: null,
  freeRequests: null,
  usageDaily: null,
  isManagement: false,
};

describe('what GET /key tells', () => {
  async function inspect(pool: Pool, finding: KeyCheckResult): Promise<string> {
    const lease = await pool.takeKeyCheck(1, 0);
    if (lease === null) return expect.unreachable('no key is due');
    await pool.reportKeyCheck(lease.leaseId, finding);
    return lease.keyName;
  }

  const NO_ANSWER: KeyCheckResult = {
    kind: 'failed',
    outcome: { kind: 'connection_failed', detail: 'no answer within 10 s' },
  };

  it('is ignored when the key was asked about again in the meantime', async () => {
    const { pool, clock } = await start([null]).started;
    const first = await pool.takeKeyCheck(1, 0);
    clock.advance(30_000);
    await inspect(pool, FACTS);
    expect(await pool.reportKeyCheck(first?.leaseId ?? '', NO_ANSWER)).toEqual({
      applied: false,
    });
    expect(pool.health().trouble).toBeNull();
  });

  it('is no outage when OpenRouter answered a request while the check got no answer', async () => {
    const { pool, clock } = await start([null]).started;
    const check = await pool.takeKeyCheck(1, 0);
    clock.advance(5_000);
    await use(pool, SUCCESS, { model: PAID });
    clock.advance(5_000);
    await pool.reportKeyCheck(check?.leaseId ?? '', NO_ANSWER);
    expect(pool.health().trouble).toBeNull();
    clock.advance(2_000);
    await inspect(pool, NO_ANSWER);
    expect(pool.health().trouble).toMatchObject({ kind: 'connection_failed' });
  });

  it('is asked for at once when a client leaves after seconds of silence', async () => {
    const { pool } = await start([null]).started;
    await inspect(pool, FACTS);
    await use(pool, { kind: 'client_abort', silentMs: 2_900 });
    await inspect(pool, NO_ANSWER);
    expect(pool.health().trouble).toMatchObject({ kind: 'connection_failed' });
  });

  it('is asked at once for a client that finds every key refused, once in five seconds', async () => {
    const { pool, clock } = await start([null]).started;
    const refusedKey: KeyCheckResult = { kind: 'failed', outcome: UNAUTHORIZED };
    for (let n = 0; n < 8; n += 1) {
      await inspect(pool, refusedKey);
      clock.advance(300_000);
    }
    await inspect(pool, refusedKey);
    clock.advance(4_999);
    const asked = pool.takeKeyCheck(1, 60_000);
    expect((await refusal(pool, {})).reason).toBe('disabled');
    clock.advance(1);
    const acquired = pool.acquire(1);
    const lease = await asked;
    await pool.reportKeyCheck(lease?.leaseId ?? '', FACTS);
    expect((await acquired).keyName).toBe('k0');
  });

  it('is asked again while the clock is wrong, until it is right', async () => {
    const { pool, clock } = await start([null]).started;
    const check = await pool.takeKeyCheck(1, 0);
    await pool.reportKeyCheck(check?.leaseId ?? '', FACTS, 7_200_000);
    expect(pool.health().clockError).not.toBeNull();
    clock.advance(2_000);
    const again = await pool.takeKeyCheck(1, 0);
    await pool.reportKeyCheck(again?.leaseId ?? '', FACTS, 0);
    expect(pool.health().clockError).toBeNull();
  });

  it('is summed up when every key was asked about once', async () => {
    const { pool, clock, told } = await start([null, null, null]).started;
    const silence: KeyCheckResult = {
      kind: 'failed',
      outcome: { kind: 'connection_failed', detail: 'no route' },
    };
    for (const finding of [FACTS, { kind: 'failed', outcome: UNAUTHORIZED } as const, silence]) {
      expect(told).not.toContain('1 known, 1 refused, 1 unanswered');
      await inspect(pool, finding);
      clock.advance(4_000);
    }
    expect(told).toContain('1 known, 1 refused, 1 unanswered');
  });

  it('is asked for each key at the start, and brings keys of one owner together', async () => {
    const { pool, clock, told } = await start([null, null, null]).started;
    for (let n = 0; n < 3; n += 1) {
      const owner = n === 2 ? 'user_2/w' : 'user_1/w';
      expect(await inspect(pool, { ...FACTS, owner })).toBe(`k${n}`);
      clock.advance(4_000);
    }
    const accounts = (await pool.list()).map(({ account }) => account);
    expect(accounts[0]).toBe(accounts[1]);
    expect(accounts[2]).not.toBe(accounts[0]);
    expect(told).toEqual([`${accounts[0]}: 2 keys`, '3 known, 0 refused, 0 unanswered']);
    await use(pool, DAY_SPENT, { model: FREE });
    expect(await use(pool, SUCCESS, { model: FREE })).toBe('k2');
    expect(await use(pool, SUCCESS, { model: FREE })).toBe('k2');
  });

  it('tells how much of the day is used already', async () => {
    const { pool } = await start([null]).started;
    await inspect(pool, { ...FACTS, freeRequests: { limit: 50, used: 49 } });
    await use(pool, SUCCESS, { model: FREE });
    expect((await refusal(pool, { model: FREE })).reason).toBe('cooling');
    expect((await pool.list())[0]?.freeRequests.day).toMatchObject({ limit: 50, used: 50 });
  });

  /** Wants one more free lease, for which OpenRouter is asked about the key and answers so. */
  async function askedForOneMore(pool: Pool, freeRequests: { limit: number; used: number }) {
    const asked = pool.takeKeyCheck(1, 60_000);
    const lease = pool.acquire(1, { model: FREE });
    const check = await asked;
    const facts = { ...FACTS, owner: 'user_1', freeRequests };
    await pool.reportKeyCheck(check?.leaseId ?? '', facts);
    return { lease };
  }

  it('lowers the count of the day, but not below the requests under way and sent since', async () => {
    const { pool, clock } = await start([null]).started;
    await inspect(pool, { ...FACTS, owner: 'user_1', freeRequests: { limit: 50, used: 48 } });
    await use(pool, SUCCESS, { model: FREE });
    const running = await pool.acquire(1, { model: FREE });
    expect((await refusal(pool, { model: FREE })).reason).toBe('cooling');
    clock.advance(60_000);
    const acquired = await askedForOneMore(pool, { limit: 50, used: 5 });
    await pool.report((await acquired.lease).leaseId, SUCCESS);
    await pool.report(running.leaseId, SUCCESS);
    expect((await pool.list())[0]?.freeRequests.day.used).toBe(7);
  });

  it('is asked for before a free request is refused by the count of the day', async () => {
    const { pool, clock } = await start([null]).started;
    await inspect(pool, { ...FACTS, owner: 'user_1', freeRequests: { limit: 50, used: 50 } });
    expect((await refusal(pool, { model: FREE })).reason).toBe('cooling');
    clock.advance(60_000);
    const acquired = await askedForOneMore(pool, { limit: 50, used: 0 });
    expect((await acquired.lease).keyName).toBe('k0');
  });

  it('moves the limits and counts of a key to its account, once that is known', async () => {
    const { pool, clock } = await start([null, null]).started;
    await use(pool, SUCCESS, { model: FREE });
    await use(pool, SUCCESS, { model: FREE });
    await use(pool, DAY_SPENT, { model: FREE });
    await use(pool, refused('account_policy'), { model: 'c/d' });
    for (let n = 0; n < 2; n += 1) {
      await inspect(pool, { ...FACTS, owner: 'user_1' });
      clock.advance(4_000);
    }
    expect((await refusal(pool, { model: FREE })).reason).toBe('cooling');
    const views = await pool.list();
    for (const { limits, freeRequests } of views) {
      expect(limits.map(({ scope }) => scope).sort()).toEqual(['account', 'account-model']);
      expect(freeRequests.minute.used).toBe(3);
    }
  });

  it('ends a cooldown that was a guess, when credits are left', async () => {
    const { pool, clock } = await start([null]).started;
    await inspect(pool, FACTS);
    clock.advance(60_000);
    await use(pool, refused('key_limit_reached'));
    expect(await inspect(pool, { ...FACTS, limitRemaining: 5 })).toBe('k0');
    expect((await pool.list())[0]?.state.kind).toBe('available');
  });

  it('makes a guess certain, when none are', async () => {
    const { pool, clock } = await start([null]).started;
    await use(pool, refused('key_limit_reached'));
    await inspect(pool, { ...FACTS, limitRemaining: 0, limitReset: 'daily' });
    expect((await pool.list())[0]?.state).toMatchObject({
      kind: 'cooling',
      until: clock.now() + 12 * 3_600_000,
      cause: { source: 'inspection' },
    });
  });

  it('retires a key that is refused twice, and takes it back when it is known again', async () => {
    const { pool, clock } = await start([null]).started;
    await use(pool, UNAUTHORIZED);
    await inspect(pool, { kind: 'failed', outcome: UNAUTHORIZED });
    expect((await pool.list())[0]?.state.kind).toBe('disabled');
    clock.advance(3_600_000);
    await inspect(pool, FACTS);
    expect((await pool.list())[0]?.state.kind).toBe('available');
  });

  it('does not retire a key that was refused once and is known', async () => {
    const { pool } = await start([null]).started;
    await use(pool, UNAUTHORIZED);
    await inspect(pool, FACTS);
    expect((await pool.list())[0]?.state.kind).toBe('available');
  });

  it('never takes back a key that an operator disabled', async () => {
    const { pool, keys } = await start([null]).started;
    await pool.command(keys[0]?.id ?? '', { kind: 'disable', reason: 'leaked' });
    await inspect(pool, FACTS);
    expect((await pool.list())[0]?.state.kind).toBe('disabled');
  });

  it('ends the use of a key that has expired, and of one that will, when it does', async () => {
    const { pool, clock } = await start([null]).started;
    await inspect(pool, { ...FACTS, expiresAt: clock.now() + 1_000 });
    await use(pool, SUCCESS);
    clock.advance(1_000);
    expect((await refusal(pool, {})).reason).toBe('disabled');
  });

  it('is asked before the pool is said to be empty, where that is only a guess', async () => {
    const { pool, clock } = await start([null]).started;
    await inspect(pool, FACTS);
    await use(pool, refused('key_limit_reached'));
    clock.advance(61_000);
    const asked = pool.takeKeyCheck(1, 60_000);
    const acquired = pool.acquire(1);
    const lease = await asked;
    await pool.reportKeyCheck(lease?.leaseId ?? '', FACTS);
    expect((await acquired).keyName).toBe('k0');
  });
});

describe('the line of those who wait', () => {
  const busyPool = () =>
    startPool({
      keys: fakeKeys(1),
      openStore: (options) => memoryStore(options, new Map()),
    });

  it('is served as soon as a key is free, and tells how long it took', async () => {
    const { pool, clock } = await busyPool();
    const first = await pool.acquire(1);
    const waiting = pool.acquire(1, { waitMs: 5_000 });
    await turn();
    clock.advance(300);
    await pool.report(first.leaseId, SUCCESS);
    expect(await waiting).toMatchObject({ keyName: 'k0', queuedMs: 300 });
  });

  it('is left with the last refusal when the time is over', async () => {
    const { pool, clock } = await busyPool();
    await pool.acquire(1);
    const waiting = refusal(pool, { waitMs: 5_000 });
    await turn();
    expect((await pool.status()).waiting).toBe(1);
    clock.advance(5_000);
    expect((await waiting).reason).toBe('busy');
    expect((await pool.status()).waiting).toBe(0);
  });

  it('serves clients in turn, however many requests one of them has', async () => {
    const { pool } = await busyPool();
    let held = await pool.acquire(1);
    const served: string[] = [];
    const wait = (client: string) =>
      pool.acquire(1, { client, waitMs: 60_000 }).then((lease) => {
        served.push(client);
        held = lease;
      });
    const all = ['a', 'a', 'a', 'b', 'c'].map(wait);
    await turn();
    for (let n = 0; n < 5; n += 1) {
      await pool.report(held.leaseId, SUCCESS);
      while (served.length === n) await turn();
    }
    await Promise.all(all);
    expect(served).toEqual(['a', 'b', 'c', 'a', 'a']);
  });

  it('gives a request a key again that it has tried, once that has returned', async () => {
    const { pool, clock, keys } = await start([null]).started;
    const evidence = [{ field: 'retry-after', from: 'header', value: '2' }];
    await use(pool, refused('key_limit_reached', { evidence }));
    const exclude = keys.map(({ id }) => id);
    const waiting = pool.acquire(1, { waitMs: 60_000, exclude });
    for (let n = 0; n < 4; n += 1) {
      await turn();
      clock.advance(500);
    }
    expect((await waiting).keyName).toBe('k0');
  });

  it('is left by who goes away, alone or with all of its session', async () => {
    const { pool } = await busyPool();
    await pool.acquire(1);
    const one = refusal(pool, { requestId: 'r1', waitMs: 60_000 });
    const two = refusal(pool, { requestId: 'r2', waitMs: 60_000 });
    await turn();
    expect(pool.cancel(2, 'r1')).toBe(false);
    expect(pool.cancel(1, 'r1')).toBe(true);
    await one;
    pool.endSession(1);
    await two;
  });

  it('is left by one of two requests with the same id of their clients, and not by the other', async () => {
    const { pool } = await busyPool();
    await pool.acquire(1);
    const asked = { requestId: 'same', waitMs: 60_000 };
    const ended: string[] = [];
    const waiting = ['alice', 'bob'].map((client) =>
      refusal(pool, { ...asked, client, internalId: `of-${client}` }).then(() =>
        ended.push(client),
      ),
    );
    await turn();
    expect(pool.cancel(1, 'of-bob')).toBe(true);
    await waiting[1];
    expect(ended).toEqual(['bob']);
    pool.endSession(1);
    await Promise.all(waiting);
  });

  it('is bounded for each client', async () => {
    const { pool } = await busyPool();
    await pool.acquire(1);
    const waiting = Array.from({ length: 200 }, () =>
      refusal(pool, { client: 'a', waitMs: 60_000 }),
    );
    await turn();
    expect((await refusal(pool, { client: 'a', waitMs: 60_000 })).reason).toBe('queue_full');
    pool.endSession(1);
    await Promise.all(waiting);
  });

  it('does not form where waiting cannot help', async () => {
    const { pool } = await startPool({
      keys: [],
      openStore: (options) => memoryStore(options, new Map()),
    });
    expect((await refusal(pool, { waitMs: 60_000 })).reason).toBe('no_keys');
  });

  it('is served when a cooldown ends', async () => {
    const { pool, clock } = await start([null]).started;
    await use(
      pool,
      refused('key_limit_reached', {
        evidence: [{ field: 'retry-after', from: 'header', value: '2' }],
      }),
    );
    const waiting = pool.acquire(1, { waitMs: 60_000 });
    for (let n = 0; n < 4; n += 1) {
      await turn();
      clock.advance(500);
    }
    expect((await waiting).keyName).toBe('k0');
  });
});

it('keeps a conversation on one account, and moves only those whose account cannot serve', async () => {
  const { pool } = await start(['one', 'two', 'three'], {
    selection: { affinity: true },
    freeAllowance: { minute: 1_000, day: null },
  }).started;
  const conversations = Array.from({ length: 30 }, (_, n) => `c${n}`);
  const home = new Map<string, string>();
  for (const affinity of conversations)
    home.set(affinity, await use(pool, SUCCESS, { model: FREE, affinity }));
  expect(new Set(home.values()).size).toBe(3);
  const spent = await use(pool, DAY_SPENT, { model: FREE, affinity: 'c0' });
  for (const affinity of conversations) {
    const now = await use(pool, SUCCESS, { model: FREE, affinity });
    if (home.get(affinity) !== spent) expect(now).toBe(home.get(affinity));
    else expect(now).not.toBe(spent);
  }
});

describe('a model that the settings of an account shut out', () => {
  const POLICY = refused('account_policy', { status: 404 });

  it('is asked for under keys of other accounts for ten minutes', async () => {
    const { pool, clock } = await start(['one', 'one', 'two']).started;
    expect(await use(pool, POLICY, { model: PAID })).toBe('k0');
    for (let n = 0; n < 3; n += 1) expect(await use(pool, SUCCESS, { model: PAID })).toBe('k2');
    expect(await use(pool, SUCCESS, { model: 'c/d' })).not.toBe('k2');
    clock.advance(600_000);
    const names = new Set([
      await use(pool, SUCCESS, { model: PAID }),
      await use(pool, SUCCESS, { model: PAID }),
    ]);
    expect([...names].some((name) => name !== 'k2')).toBe(true);
  });

  it('is asked for under no other key of that account by the same request', async () => {
    const { pool, keys } = await start(['one', 'one', 'two']).started;
    const [first] = keys;
    const request = {
      model: PAID,
      exclude: [first?.id ?? ''],
      excludeAccountsOf: [first?.id ?? ''],
    };
    expect(await use(pool, SUCCESS, request)).toBe('k2');
  });

  it('is asked for once when every account is known to shut it out, and never refused from memory', async () => {
    const { pool, keys } = await start(['one', 'two']).started;
    const ids = keys.map(({ id }) => id);
    await use(pool, POLICY, { model: PAID });
    await use(pool, POLICY, { model: PAID });
    const { leaseId, keyId } = await pool.acquire(1, { model: PAID });
    await pool.report(leaseId, POLICY);
    expect(ids).toContain(keyId);
    const again = { model: PAID, exclude: [keyId], excludeAccountsOf: [keyId] };
    expect(await refusal(pool, again)).toEqual({ reason: 'exhausted', retryAfterMs: null });
  });

  it('is served again as soon as one request for it is', async () => {
    const { pool, told } = await start(['one']).started;
    await use(pool, POLICY, { model: PAID });
    await use(pool, SUCCESS, { model: PAID });
    expect(told.at(-1)).toBe('lifted ["account-model","one","a/b"]');
  });

  it('does not hold the model back everywhere, as a throttled model on two accounts does', async () => {
    const { pool } = await start(['one', 'two', 'three']).started;
    await use(pool, POLICY, { model: PAID });
    await use(pool, refused('model_throttled'), { model: PAID });
    expect(await use(pool, SUCCESS, { model: PAID })).toBe('k2');
  });
});

describe('a free request that is refused for lack of credits', () => {
  const BROKE = refused('credits_exhausted', { status: 402 });

  it('says nothing about plain free requests until three in a row were', async () => {
    const { pool, clock } = await start(['one']).started;
    for (let n = 0; n < 3; n += 1) await use(pool, BROKE, { model: FREE });
    expect((await refusal(pool, { model: FREE })).retryAfterMs).toBeLessThanOrEqual(72_000);
    clock.advance(72_000);
    await use(pool, BROKE, { model: FREE });
    const { retryAfterMs } = await refusal(pool, { model: FREE });
    expect(retryAfterMs).toBeGreaterThan(72_000);
    clock.advance(retryAfterMs ?? 0);
    await use(pool, SUCCESS, { model: FREE });
    await use(pool, BROKE, { model: FREE });
    expect(await use(pool, SUCCESS, { model: FREE })).toBe('k0');
  });
});

describe('a management key', () => {
  const MANAGEMENT: KeyMetadata = { ...FACTS, isManagement: true };

  async function inspectNext(pool: Pool, finding: KeyCheckResult) {
    const lease = await pool.takeKeyCheck(1, 0);
    await pool.reportKeyCheck(lease?.leaseId ?? '', finding);
  }

  it('is never leased, also when an operator enables it', async () => {
    const { pool, keys } = await start([null]).started;
    await inspectNext(pool, MANAGEMENT);
    expect((await refusal(pool, { model: PAID })).reason).toBe('disabled');
    const view = await pool.command(keys[0]?.id ?? '', { kind: 'enable' });
    expect(view.state).toMatchObject({ kind: 'disabled', cause: { reason: 'management_key' } });
    expect(pool.health().keys).toMatchObject([{ kind: 'management' }]);
  });

  it('serves once a check says that it is an ordinary key', async () => {
    const { pool, clock } = await start([null]).started;
    await inspectNext(pool, MANAGEMENT);
    clock.advance(3_600_000 * 1.1);
    await inspectNext(pool, FACTS);
    expect(await use(pool, SUCCESS, { model: PAID })).toBe('k0');
  });

  it('stays known as one across a restart', async () => {
    const { started, restart } = start([null]);
    await inspectNext((await started).pool, MANAGEMENT);
    const { pool } = await restart();
    expect((await refusal(pool, { model: PAID })).reason).toBe('disabled');
  });
});

describe('keys of one account, before it is known that they share it', () => {
  const OWNED: KeyMetadata = { ...FACTS, owner: 'user_1' };

  /** As many gateways as are needed wait for a key to ask about. */
  const asking = (pool: Pool, many: number) =>
    Array.from({ length: many }, () => pool.takeKeyCheck(1, 60_000));

  it('are asked about before a second one is refused for the account', async () => {
    const { pool } = await start(Array.from({ length: 5 }, () => null)).started;
    const checks = asking(pool, 5);
    const { leaseId, keyId } = await pool.acquire(1, { model: FREE });
    await pool.report(leaseId, DAY_SPENT);
    const second = refusal(pool, { model: FREE, exclude: [keyId] });
    for (const check of checks) {
      const { leaseId: asked } = (await check) ?? {};
      await pool.reportKeyCheck(asked ?? '', OWNED);
    }
    expect((await second).reason).toBe('cooling');
  });

  it('are asked about too when the account refuses one request alone', async () => {
    const { pool } = await start([null, null, null]).started;
    const checks = asking(pool, 3);
    const { leaseId, keyId } = await pool.acquire(1, { model: PAID });
    await pool.report(leaseId, refused('credits_short'));
    const second = pool.acquire(1, {
      ...{ model: PAID, exclude: [keyId], excludeAccountsOf: [keyId] },
    });
    for (const [index, check] of checks.entries()) {
      const { leaseId: asked } = (await check) ?? {};
      await pool.reportKeyCheck(asked ?? '', { ...FACTS, owner: `user_${index === 2 ? 2 : 1}` });
    }
    expect((await second).keyName).toBe('k2');
  });

  it('are waited for no longer than two seconds, and only once', async () => {
    const { pool, clock } = await start([null, null, null]).started;
    void Promise.all(asking(pool, 3));
    const first = await pool.acquire(1, { model: FREE });
    await pool.report(first.leaseId, DAY_SPENT);
    const second = pool.acquire(1, { model: FREE, exclude: [first.keyId] });
    for (let n = 0; n < 20; n += 1) await turn();
    clock.advance(2_000);
    const { leaseId, keyId } = await second;
    await pool.report(leaseId, DAY_SPENT);
    const third = await pool.acquire(1, { model: FREE, exclude: [first.keyId, keyId] });
    expect(third.keyName).toBe('k2');
  });

  it('are not asked about for what concerns one key', async () => {
    const { pool } = await start([null, null]).started;
    void Promise.all(asking(pool, 2));
    const { leaseId, keyId } = await pool.acquire(1, { model: PAID });
    await pool.report(leaseId, refused('key_limit_reached'));
    expect(await use(pool, SUCCESS, { model: PAID, exclude: [keyId] })).toBe('k1');
  });
});

describe('an account without credits', () => {
  const BROKE = refused('credits_exhausted', { status: 402 });

  it.each([
    [PAID, 1, [0.01, 5]],
    [FREE, 3, [5]],
  ])('serves %s again once a check finds credits', async (model, refusals, found) => {
    const { pool, keys, clock } = await start([null]).started;
    const id = keys[0]?.id ?? '';
    await pool.reportKeyCheck((await pool.takeKeyCheck(1, 0))?.leaseId ?? '', FACTS);
    clock.advance(30_000);
    expect(pool.hasGuessedCreditLimit(id)).toBe(false);
    for (let n = 0; n < refusals; n += 1) await use(pool, BROKE, { model });
    for (const creditsLeft of found) {
      expect((await refusal(pool, { model })).reason).toBe('cooling');
      expect(pool.hasGuessedCreditLimit(id)).toBe(true);
      const asked = pool.takeKeyCheck(1, 120_000);
      clock.advance(creditsLeft === found[0] ? 30_000 : 60_000);
      await pool.reportKeyCheck((await asked)?.leaseId ?? '', { ...FACTS, creditsLeft });
    }
    expect(await use(pool, SUCCESS, { model })).toBe('k0');
  });
});

describe('a request that only one account can serve', () => {
  it('gets the keys of that account, by its name or by the name of one of its keys', async () => {
    const { pool } = await start(['one', 'two', 'two']).started;
    for (const account of ['two', 'k2']) {
      const names = [
        await use(pool, SUCCESS, { model: PAID, account }),
        await use(pool, SUCCESS, { model: PAID, account }),
      ];
      expect(names.sort()).toEqual(['k1', 'k2']);
    }
  });

  it('is told when a key of that account returns, although other accounts could serve', async () => {
    const { pool } = await start(['one', 'two']).started;
    await use(pool, limited(60), { model: PAID, account: 'two' });
    const told = await refusal(pool, { model: PAID, account: 'two' });
    expect(told.reason).toBe('cooling');
    expect(await use(pool, SUCCESS, { model: PAID })).toBe('k0');
  });

  it('is refused when no key of that account is configured', async () => {
    const { pool } = await start(['one', 'two']).started;
    const told = await refusal(pool, { model: PAID, account: 'three' });
    expect(told).toEqual({ reason: 'account_absent', retryAfterMs: null });
  });
});
