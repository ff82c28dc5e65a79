import type { KeyView, LimitView, Result } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import { currentWindows, type Allowances } from './accounts.ts';
import type { KeyRecords, PoolKey } from './key-records.ts';
import type { Limit } from './limit.ts';
import type { LimitBook } from './limit-book.ts';
import type { SharedRecords } from './shared-records.ts';
import type { StateStore } from './state-store.ts';

/** As many as fit into an answer of the protocol. */
const MAX_LIMITS = 100;
const MAX_LIMITS_OF_KEY = 32;
const MAX_SHARED_ACCOUNTS = 500;

/** What is looked at. */
export interface PoolViewsParts {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly limits: LimitBook;
  readonly allowances: Allowances;
  readonly shared: SharedRecords;
  readonly store: StateStore;
  readonly clock: Clock;
}

/** The pool as operators see it: everything but the secrets. */
export class PoolViews {
  readonly #parts: PoolViewsParts;

  constructor(parts: PoolViewsParts) {
    this.#parts = parts;
  }

  /** One key. */
  async key(key: PoolKey): Promise<KeyView> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    return this.#view(key, await store.inFlight(now), now);
  }

  /** Every key, in the configuration's order. */
  async keys(): Promise<KeyView[]> {
    const { keys, store, clock } = this.#parts;
    const now = clock.now();
    const inFlight = await store.inFlight(now);
    return Promise.all(keys.map((key) => this.#view(key, inFlight, now)));
  }

  /** The pool in figures, and its store. Tries to save what could not be saved before. */
  async status(): Promise<Omit<Result<'service.status'>, 'version' | 'startedAt' | 'waiting'>> {
    const { keys, store, records, shared, limits, clock } = this.#parts;
    const [areKeysSaved, isSharedSaved] = [await records.retrySaves(), await shared.retrySaves()];
    const now = clock.now();
    const inFlight = await store.inFlight(now);
    const { usable, cooling, disabled, nextReturn } = records.availability(now);
    const accounts = [...records.accounts()].filter(([, members]) => members.length > 1);
    return {
      keys: { available: usable.length, cooling, disabled },
      nextAvailableAt: nextReturn,
      leasesInFlight: keys.reduce((sum, { id }) => sum + (inFlight.get(id) ?? 0), 0),
      sharedAccounts: accounts.slice(0, MAX_SHARED_ACCOUNTS).map(([account, members]) => ({
        account,
        keys: members.map(({ name }) => name),
      })),
      limits: limits.all(now).filter(concernsAllKeys).slice(0, MAX_LIMITS).map(limitView),
      store: { backend: store.backend, healthy: areKeysSaved && isSharedSaved },
    };
  }

  async #view(key: PoolKey, inFlight: ReadonlyMap<string, number>, now: number): Promise<KeyView> {
    const { records, limits, allowances, store } = this.#parts;
    const account = records.accountOf(key);
    const { state, traits } = records.of(key, now);
    const { minute, day } = currentWindows(account, allowances.of(account), now);
    const [usedInMinute = 0, usedInDay = 0] = await store.used([minute, day]);
    const concerning = limits
      .all(now)
      .filter(
        ({ subject }) =>
          ('account' in subject && subject.account === account) ||
          ('keyId' in subject && subject.keyId === key.id),
      );
    return {
      keyId: key.id,
      name: key.name,
      state,
      inFlight: inFlight.get(key.id) ?? 0,
      maxConcurrency: key.maxConcurrency,
      account,
      freeRequests: {
        minute: { used: usedInMinute, limit: minute.limit, resetsAt: minute.endsAt },
        day: { used: usedInDay, limit: day.limit, resetsAt: day.endsAt },
      },
      limitRemaining: traits.limitRemaining,
      expiresAt: traits.expiresAt,
      limits: concerning.slice(0, MAX_LIMITS_OF_KEY).map(limitView),
    };
  }
}

const concernsAllKeys = ({ subject }: Limit) =>
  subject.scope === 'model' || subject.scope === 'upstream';

function limitView({ subject, since, until, cause }: Limit): LimitView {
  return {
    scope: subject.scope,
    pool: 'pool' in subject ? subject.pool : 'all',
    model: 'model' in subject ? subject.model : null,
    since,
    until,
    cause,
  };
}
