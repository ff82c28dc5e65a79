import {
  MAX_MACHINES,
  type KeyState,
  type KeyView,
  type Result,
} from '@openrouter-proxy/kms-protocol';
import type { KeyStatus } from '../accounting/key-status.ts';
import { currentWindows } from '../accounts/accounts.ts';
import { upstreamCause, type HealthFacts } from '../health/causes.ts';
import { keyHealth } from '../health/key-health.ts';
import { upstreamStatus } from '../health/upstream-status.ts';
import type { PoolKey } from '../keys/key-records.ts';
import { concernsKey, type Limit, type Subject } from '../limits/limit.ts';
import { blockersOf, purposeOf } from '../selection/blockers.ts';
import type { StateStore } from '../store/state-store.ts';
import type { Collaborators } from './collaborators.ts';
import { circuitLimitView, limitView } from './limit-views.ts';
import { whyNot } from './why-not.ts';

/** The most elements that an answer of the protocol may have. */
const MAX_LIMITS = 100;
const MAX_LIMITS_OF_KEY = 32;
const MAX_SHARED_ACCOUNTS = 500;

/** Collaborators of PoolViews. */
export type PoolViewsDeps = Pick<
  Collaborators,
  | ('keys' | 'records' | 'contacts' | 'limits' | 'circuits' | 'allowances' | 'shared' | 'store')
  | ('usage' | 'spending' | 'history' | 'clock')
>;

/** The views of the pool for operators: everything but the secrets. */
export class PoolViews {
  readonly #deps: PoolViewsDeps;

  constructor(deps: PoolViewsDeps) {
    this.#deps = deps;
  }

  /** The view of one key. */
  async key(key: PoolKey): Promise<KeyView> {
    const { store, clock } = this.#deps;
    const now = clock.now();
    return this.#view(key, await store.inFlight(now), now);
  }

  /** The views of these keys. */
  async keys(keys: readonly PoolKey[]): Promise<KeyView[]> {
    const { store, clock } = this.#deps;
    const now = clock.now();
    const inFlight = await store.inFlight(now);
    return Promise.all(keys.map((key) => this.#view(key, inFlight, now)));
  }

  /** Whether a key could serve a model (null: any paid one) now, and every reason against it. */
  async whyNot(key: PoolKey, model: string | null): Promise<Result<'keys.whyNot'>> {
    const { store, clock } = this.#deps;
    const now = clock.now();
    const purpose = purposeOf(model);
    const blockers = blockersOf(this.#deps, key, purpose, now);
    const view = await this.#view(key, await store.inFlight(now), now);
    return whyNot(view, blockers, purpose.pool, now);
  }

  /** The figures of the pool and its store. Retries failed saves. */
  async status(): Promise<
    Omit<Result<'service.status'>, 'version' | 'startedAt' | 'process' | 'waiting' | 'health'>
  > {
    const { keys, store, records, shared, circuits, clock } = this.#deps;
    const [areKeysSaved, isSharedSaved] = [await records.retrySaves(), await shared.retrySaves()];
    const now = clock.now();
    const inFlight = await store.inFlight(now);
    const { nextReturn } = records.availability(now);
    const accounts = [...records.accounts()].filter(([, members]) => members.length > 1);
    return {
      keys: this.#counts(now),
      nextAvailableAt: nextReturn,
      leasesInFlight: keys.reduce((sum, { id }) => sum + (inFlight.get(id) ?? 0), 0),
      sharedAccounts: accounts.slice(0, MAX_SHARED_ACCOUNTS).map(([account, members]) => ({
        account,
        keys: members.map(({ name }) => name),
      })),
      limits: circuits
        .tripped(now)
        .filter(({ subject }) => subject.scope !== 'account')
        .map(circuitLimitView)
        .toSorted((a, b) => b.until - a.until)
        .slice(0, MAX_LIMITS),
      store: storeView(store, areKeysSaved && isSharedSaved),
    };
  }

  #counts(now: number): Result<'service.status'>['keys'] {
    const { keys, records } = this.#deps;
    const counts = { available: 0, cooling: 0, refused: 0, disabled: 0 };
    for (const key of keys) {
      const { kind } = records.of(key, now).state;
      if (this.#keyHealth(key, now).kind === 'refused') counts.refused += 1;
      else counts[kind === 'returning' ? 'available' : kind] += 1;
    }
    return counts;
  }

  /** The facts of the pool that health is judged by. */
  health(): Pick<HealthFacts, 'keys' | 'trouble' | 'clockError' | 'block' | 'wasContacted'> {
    const { keys, contacts, limits, clock } = this.#deps;
    const now = clock.now();
    const { clockError, lastAnswerAt } = contacts;
    return {
      keys: keys.map((key) => this.#keyHealth(key, now)),
      ...upstreamStatus(contacts, limits, now),
      clockError,
      wasContacted: lastAnswerAt !== null,
    };
  }

  #keyHealth(key: PoolKey, now: number) {
    const { records, contacts, limits } = this.#deps;
    const account = records.accountOf(key);
    const onAccount = (['all', 'free', 'paid'] as const).flatMap((pool) => {
      const subject: Subject = { scope: 'account', account, pool };
      return limits.on(subject, now) ?? [];
    });
    const { state } = records.of(key, now);
    return keyHealth({ name: key.name, state, check: contacts.of(key.id), limits: onAccount });
  }

  async #view(key: PoolKey, inFlight: ReadonlyMap<string, number>, now: number): Promise<KeyView> {
    const { records, contacts, limits, allowances, store, usage, spending, history } = this.#deps;
    const account = records.accountOf(key);
    const { state, traits } = records.of(key, now);
    const { minute, day } = currentWindows(account, allowances.of(account), now);
    const [usedInMinute = 0, usedInDay = 0] = await store.used([minute, day]);
    const concerning = limits
      .all(now)
      .filter(({ subject }) => concernsKey(subject, { id: key.id, account }));
    return {
      keyId: key.id,
      name: key.name,
      state,
      statusSince: statusSince(state, concerning, history.statusOf(key.id, now)),
      check: contacts.of(key.id),
      upstream: upstreamCause(upstreamStatus(contacts, limits, now)),
      inFlight: inFlight.get(key.id) ?? 0,
      maxConcurrency: key.maxConcurrency,
      account,
      freeRequests: {
        minute: { used: usedInMinute, limit: minute.limit, resetsAt: minute.endsAt },
        day: { used: usedInDay, limit: day.limit, resetsAt: day.endsAt },
      },
      limitRemaining: traits.limitRemaining,
      expiresAt: traits.expiresAt,
      today: usage.today(key.id, now),
      unexplainedCost: spending.of(key.id, now),
      limits: concerning.slice(0, MAX_LIMITS_OF_KEY).map(limitView),
    };
  }
}

/** Since when a key has its status. Limits are not part of a key's state. */
function statusSince(
  state: KeyState,
  limits: readonly Limit[],
  standing: KeyStatus | null,
): number {
  const isLimited = state.kind === 'available' && limits.length > 0;
  const own = state.kind === 'available' ? 'serving' : state.kind;
  if (standing?.kind === (isLimited ? 'limited' : own)) return standing.from;
  return isLimited ? Math.min(...limits.map(({ since }) => since)) : state.since;
}

function storeView(store: StateStore, isSaved: boolean): Result<'service.status'>['store'] {
  const { trouble, machines } = store.status();
  return {
    backend: store.backend,
    healthy: isSaved && trouble === null,
    trouble: trouble ?? (isSaved ? null : 'the state store cannot be written'),
    machines: machines.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt).slice(0, MAX_MACHINES),
  };
}
