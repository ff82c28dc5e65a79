/**
 * `npm run bench -- quota` runs this program: what share of the free quota that a pool's accounts have becomes answers, over
 * seven simulated days with more demand than supply. The key service's own code runs on an injected
 * clock against the account model of the fake OpenRouter, and beside it the policy of its Python
 * ancestors: round-robin over keys, each key set aside by itself when OpenRouter refuses it.
 */
import { randomBytes, randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  countFreeRequest,
  createAccount,
  freeUsedToday,
  type Account,
} from '@openrouter-proxy/fake-openrouter';
import {
  KmsError,
  type KeyCheckResult,
  type KeyMetadata,
  type Outcome,
} from '@openrouter-proxy/kms-protocol';
import { Secret, type Clock } from '@openrouter-proxy/runtime';
import type { KeyPool } from '../src/pool/key-pool.ts';
import { poolKeys } from '../src/keys/key-records.ts';
import { LeaseTokens } from '../src/leasing/lease-id.ts';
import { LeaseLoads } from '../src/selection/lease-loads.ts';
import { KeyHistory } from '../src/accounting/key-history.ts';
import { Ledger } from '../src/accounting/ledger.ts';
import { SpendingWatch } from '../src/usage/spending-watch.ts';
import { IN_MEMORY, openUsageFile } from '../src/usage/usage-file.ts';
import { UsageTotals } from '../src/usage/usage-totals.ts';
import type { PoolSettings } from '../src/pool/pool-core.ts';
import { openPool } from '../src/pool/pool.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';

const DAYS = 7;
const MINUTE = 60_000;
const DAY = 86_400_000;
const START = Date.UTC(2026, 9, 5);
const MODEL = 'some/model:free';
/** Requests of an ordinary minute, and of the minute of each hour that has a burst. */
const PER_MINUTE = 8;
const PER_BURST = 120;
/** A request arrives at OpenRouter so much later than its key was chosen, at most. */
const LATENCY_MS = 1_500;
/** The daily quotas of the accounts; each has two keys. */
const QUOTAS = [50, 50, 50, 50, 50, 50, 1_000, 1_000, 1_000, 1_000];
/** The key of this position is revoked after so many days; its account keeps another. */
const REVOKED = { position: 3, afterDays: 2 };

const UNKNOWN_KEY: Outcome = {
  ...{ kind: 'unauthorized', status: 401, evidence: [], detail: 'User not found.' },
};

/** A world of accounts and keys, and what was asked of it. */
class World implements Clock {
  readonly accounts = QUOTAS.map((freePerDay) => createAccount({ freePerDay }));
  readonly keys = this.accounts.flatMap((account) => [account, account]);
  #now = START;
  answers = 0;
  refusals = 0;

  now(): number {
    return this.#now;
  }

  moveTo(now: number): void {
    this.#now = Math.max(this.#now, now);
  }

  /** Only who does not want to sleep wakes: the simulation waits for nobody. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms === 0) return Promise.resolve();
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  isRevoked(position: number): boolean {
    const { position: revoked, afterDays } = REVOKED;
    return position === revoked && this.#now >= START + afterDays * DAY;
  }

  /** What OpenRouter says to a request under a key. */
  ask(position: number): Outcome {
    const account = this.keys[position];
    if (account === undefined) throw new RangeError(`there is no key ${position}`);
    if (this.isRevoked(position)) {
      return UNKNOWN_KEY;
    }
    const limit = countFreeRequest(account, this.#now + Math.random() * LATENCY_MS);
    if (limit === undefined) {
      this.answers += 1;
      return { kind: 'success', status: 200 };
    }
    this.refusals += 1;
    const said = (field: 'x-ratelimit-reset' | 'x-ratelimit-limit', value: number) =>
      ({ field, from: 'header', value: String(value) }) as const;
    const evidence = [
      said('x-ratelimit-reset', limit.resetAt),
      said('x-ratelimit-limit', limit.limit),
    ];
    return { kind: 'free_tier_exhausted', window: limit.window, status: 429, evidence, detail: '' };
  }

  /** What `GET /key` tells. */
  facts(account: Account): KeyMetadata {
    return {
      kind: 'facts',
      owner: account.userId,
      limitRemaining: null,
      limitReset: null,
      expiresAt: null,
      freeRequests: { limit: account.freePerDay, used: freeUsedToday(account, this.#now) },
      usageDaily: null,
      isManagement: false,
    };
  }
}

/** A policy under test: serves one request as well as it can. */
interface Policy {
  serve(): Promise<void>;
  /** Something may be done between requests. */
  rest(): Promise<void>;
}

function ourPolicy(world: World, pool: KeyPool, positions: ReadonlyMap<string, number>): Policy {
  const position = (keyId: string) => positions.get(keyId) ?? -1;
  return {
    async serve() {
      const exclude: string[] = [];
      for (;;) {
        try {
          const { leaseId, keyId } = await pool.acquire(1, { model: MODEL, exclude });
          const outcome = world.ask(position(keyId));
          await pool.report(leaseId, outcome);
          if (outcome.kind === 'success') return;
          exclude.push(keyId);
        } catch (error) {
          if (KmsError.is(error, 'NO_KEY_AVAILABLE')) return;
          throw error;
        }
      }
    },
    async rest() {
      for (;;) {
        const lease = await pool.takeKeyCheck(1, 0);
        if (lease === null) return;
        const key = position(lease.keyId);
        const account = world.keys[key];
        if (account === undefined) return;
        const finding: KeyCheckResult = world.isRevoked(key)
          ? { kind: 'failed', outcome: UNKNOWN_KEY }
          : world.facts(account);
        await pool.reportKeyCheck(lease.leaseId, finding);
      }
    },
  };
}

/** As the ancestors do it: a key that is refused rests until the reset it was told, else for four hours. */
function ancestorsPolicy(world: World): Policy {
  const restsUntil = world.keys.map(() => 0);
  let next = 0;
  return {
    serve() {
      for (let left = world.keys.length; left > 0; left -= 1) {
        const position = next++ % world.keys.length;
        if ((restsUntil[position] ?? 0) > world.now()) continue;
        const outcome = world.ask(position);
        if (outcome.kind === 'success') break;
        const reset = 'evidence' in outcome ? Number(outcome.evidence[0]?.value ?? NaN) : NaN;
        restsUntil[position] = Number.isNaN(reset) ? world.now() + 4 * 3_600_000 : reset;
      }
      return Promise.resolve();
    },
    rest: () => Promise.resolve(),
  };
}

async function simulate(world: World, policy: Policy): Promise<void> {
  for (let minute = START; minute < START + DAYS * DAY; minute += MINUTE) {
    const isBurst = (minute / MINUTE) % 60 === 17;
    const count = isBurst ? PER_BURST : PER_MINUTE;
    const times = Array.from({ length: count }, () => minute + Math.random() * MINUTE);
    for (const at of times.toSorted((a, b) => a - b)) {
      world.moveTo(at);
      await policy.rest();
      await policy.serve();
    }
  }
}

function print(name: string, { answers, refusals }: World): void {
  const quota = QUOTAS.reduce((sum, perDay) => sum + perDay, 0) * DAYS;
  const share = ((100 * answers) / quota).toFixed(2);
  const perAccount = (refusals / (QUOTAS.length * DAYS)).toFixed(2);
  console.log(
    `  ${name.padEnd(16)} ${String(answers).padStart(6)} answers of ${quota}: ${share} %` +
      `   429s: ${refusals}, ${perAccount} per account and day`,
  );
}

/** Runs both policies and prints what each made of the quota. */
async function quotaBench(): Promise<void> {
  const world = new World();
  const keys = poolKeys(
    world.keys.map((_account, index) => ({
      secret: new Secret(`sk-or-v1-${randomBytes(32).toString('hex')}`),
      name: `key-${index + 1}`,
      account: null,
      maxConcurrency: null,
    })),
  );
  const folder = await mkdtemp(path.join(tmpdir(), 'quota-'));
  const leaseTokens = new LeaseTokens((bytes) => randomFillSync(bytes));
  const loads = new LeaseLoads();
  const store = openSqliteStore({
    path: path.join(folder, 'kms.db'),
    now: START,
    isOfThisLife: (leaseId) => leaseTokens.isOfThisLife(leaseId),
    onInFlight: loads.onInFlight,
    onQuarantine: () => undefined,
  });
  const ignore = () => undefined;
  const usageFile = openUsageFile(IN_MEMORY, START, ignore);
  const books = {
    ledger: new Ledger(),
    usage: new UsageTotals(usageFile, START, ignore),
    spending: new SpendingWatch(usageFile),
    history: new KeyHistory(),
  };
  const settings: PoolSettings = {
    keys,
    selection: { strategy: 'round-robin', same: false, affinity: false },
    policy: { rateLimitCooldownMs: 4 * 3_600_000 },
    freeAllowance: { minute: 20, day: null },
    leaseTtlMs: DAY,
  };
  const pool = await openPool(settings, {
    store,
    loads,
    leaseTokens,
    ...books,
    listener: {
      onChange: ignore,
      onLimit: ignore,
      onLifted: ignore,
      onShared: ignore,
      onUnexplained: ignore,
      onFirstRound: ignore,
      onContact: ignore,
      onStoreFailed: (error) => console.error(error),
      onStoreRecovered: ignore,
    },
    clock: world,
    random: Math.random,
  });
  const positions = new Map(keys.map(({ id, position }) => [id, position]));
  try {
    await simulate(world, ourPolicy(world, pool, positions));
  } finally {
    await store.close();
    usageFile.close();
    await rm(folder, { recursive: true });
  }
  const other = new World();
  await simulate(other, ancestorsPolicy(other));
  console.log(
    `\nfree quota of ${QUOTAS.length} accounts with two keys each, ${DAYS} simulated days`,
  );
  print('this key service', world);
  print('its ancestors', other);
}

await quotaBench();
