import type { KeyMetadata } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import { accountName, currentWindows, windowsAt, type Allowances } from './accounts.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import { isOwnCount, isGuess, type Subject } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import type { LimitListener } from '../keys/limit-listener.ts';
import type { SharedRecords } from '../store/shared-records.ts';
import { freeSlot } from '../store/slots.ts';
import type { StateStore, Window, WindowSnapshot } from '../store/state-store.ts';

/** Collaborators of AccountMetadata. */
export interface AccountMetadataDeps {
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
  readonly allowances: Allowances;
  readonly shared: SharedRecords;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly listener: LimitListener;
}

/** The count of the account's free requests when a check of one of its keys began. */
export interface FreeRequestsBefore {
  readonly day: Window;
  readonly snapshot: WindowSnapshot;
}

type CountedDeps = Pick<AccountMetadataDeps, 'records' | 'allowances'> & {
  readonly store: Pick<StateStore, 'snapshot'>;
};

/** Takes the account's count of free requests before a key check. Null if it is unknown. */
export async function freeRequestsOf(
  { records, allowances, store }: CountedDeps,
  key: PoolKey,
  now: number,
): Promise<FreeRequestsBefore | null> {
  const account = records.accountOf(key);
  const { day } = currentWindows(account, allowances.of(account), now);
  const snapshot = await store.snapshot(day, freeSlot(account), now);
  return snapshot && { day, snapshot };
}

/** Applies the answer to `GET /key` to the key's account: its owner, and its used free requests. */
export class AccountMetadata {
  readonly #deps: AccountMetadataDeps;

  constructor(deps: AccountMetadataDeps) {
    this.#deps = deps;
  }

  /** Assigns a key to its account. Limits and counts of the key alone move to the account. */
  async assign(key: PoolKey, metadata: KeyMetadata): Promise<void> {
    const { records, listener } = this.#deps;
    const account = metadata.owner === null ? null : accountName(metadata.owner);
    const before = records.accountOf(key);
    await records.take(key, { kind: 'checked', metadata, account });
    const after = records.accountOf(key);
    if (after === before) return;
    if (before === key.name) await this.#move(before, after);
    const sharers = records.accounts().get(after) ?? [];
    if (sharers.length > 1) listener.onShared(after, sharers);
  }

  /**
   * Counts the free requests of the day. Returns the subject of a limit that ends by that; null if
   * none does.
   */
  async countFreeRequests(
    key: PoolKey,
    { freeRequests }: KeyMetadata,
    before: FreeRequestsBefore | null,
  ): Promise<Subject | null> {
    if (freeRequests === null) return null;
    const { records, allowances, shared, store, clock } = this.#deps;
    const now = clock.now();
    const account = records.accountOf(key);
    const learnt = allowances.learn(account, 'day', freeRequests.limit);
    if (learnt !== undefined) await shared.keepAllowance(account, learnt);
    const { day } = currentWindows(account, allowances.of(account), now);
    const isSame = before?.day.id === day.id && before.day.startsAt === day.startsAt;
    if (isSame) await store.reconcile(day, freeRequests.used, before.snapshot);
    else await store.raise(day, freeRequests.used);
    return freeRequests.used < freeRequests.limit ? this.#endedBy(account, day) : null;
  }

  /**
   * The limit on free requests that is over when free requests are left: a guess, or this service's
   * own count.
   */
  async #endedBy(account: string, day: Window): Promise<Subject | null> {
    const { limits, store, clock } = this.#deps;
    const subject: Subject = { scope: 'account', account, pool: 'free' };
    const limit = limits.on(subject, clock.now());
    if (limit === undefined) return null;
    if (isGuess(limit.cause)) return subject;
    if (!isOwnCount(limit.cause) || limit.until !== day.endsAt) return null;
    const [used = 0] = await store.used([day]);
    return used < (day.limit ?? Infinity) ? subject : null;
  }

  /** Moves limits, counts and allowances of a key without a known account to its account. */
  async #move(from: string, to: string): Promise<void> {
    const { limits, allowances, shared, store, records, listener, clock } = this.#deps;
    const now = clock.now();
    const { began, ended } = limits.moveAccount(from, to, now);
    for (const limit of began) listener.onLimit(limit, records.keysConcernedBy(limit.subject));
    const saved = [
      ...ended.map((subject) => shared.keepLimit(subject, null)),
      ...began.map((limit) => shared.keepLimit(limit.subject, limit)),
    ];
    const learnt = allowances.move(from, to);
    if (learnt !== undefined) saved.push(shared.keepAllowance(to, learnt));
    const targets = windowsAt(to, allowances.of(to), now);
    for (const [index, window] of windowsAt(from, allowances.of(to), now).entries()) {
      const target = targets[index];
      if (target !== undefined) saved.push(store.transfer(window, target));
    }
    await Promise.all(saved);
  }
}
