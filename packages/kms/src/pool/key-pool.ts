import { nearest } from '@openrouter-proxy/config';
import {
  KmsError,
  type KeyCheckResult,
  type KeyView,
  type Lease,
  type Outcome,
  type Result,
} from '@openrouter-proxy/kms-protocol';
import type { Contacts } from '../health/contacts.ts';
import { guessedCredits } from '../key-checks/doubts.ts';
import { KeyChecker } from '../key-checks/key-checker.ts';
import type { PendingChecks } from '../key-checks/pending-checks.ts';
import type { PoolKey } from '../keys/key-records.ts';
import type { KeyCommand } from '../keys/key-state.ts';
import type { AcquireRequest } from '../leasing/allocation.ts';
import { FairQueue } from '../leasing/fair-queue.ts';
import { readLeaseId } from '../leasing/lease-id.ts';
import type { PoolCore, PoolDeps, PoolSettings } from './pool-core.ts';
import { PoolLeases, type LeaseUse } from './pool-leases.ts';
import { poolWatcher } from './pool-watcher.ts';
import { ReadWriteLock } from './read-write-lock.ts';

/** Collaborators of KeyPool. */
export interface KeyPoolDeps extends Omit<PoolDeps, 'loads' | 'history'> {
  readonly core: PoolCore;
  /** Builds the core for changed settings, with everything known before. */
  readonly reopen: (settings: PoolSettings, before: PoolCore) => Promise<PoolCore>;
  readonly contacts: Contacts;
  readonly pendingChecks: PendingChecks;
}

/** The figures of the pool. */
export type PoolStatus = Omit<
  Result<'service.status'>,
  'version' | 'startedAt' | 'process' | 'health'
>;

/** The pool of keys, as the RPC handlers use it: leases, key checks, commands and views. */
export class KeyPool {
  readonly #deps: KeyPoolDeps;
  readonly #keyChecker: KeyChecker;
  readonly #queue: FairQueue;
  readonly #leases: PoolLeases;
  /** Everything that changes keys holds it shared; a change of the configuration holds it exclusively. */
  readonly #lock = new ReadWriteLock();
  #core: PoolCore;
  /** Keys that are no longer configured. Some of their leases may still be in use. */
  readonly #removed = new Set<string>();

  constructor(deps: KeyPoolDeps) {
    this.#deps = deps;
    this.#core = deps.core;
    this.#queue = new FairQueue(deps.clock);
    const core = () => this.#core;
    const onChange = () => this.#queue.serve();
    this.#keyChecker = new KeyChecker({ ...deps, core });
    this.#leases = new PoolLeases({
      ...{ ...deps, core, lock: this.#lock, queue: this.#queue, keyChecker: this.#keyChecker },
      isRemoved: (keyId) => this.#removed.has(keyId),
    });
    deps.store.watch(poolWatcher({ ...deps, core, onChange }));
  }

  /**
   * Changes the keys and rules. Records of keys, running leases and waiting requests stay. A removed key
   * gets no new lease, but its running leases are still reported. Every key is checked at once: the
   * change may have repaired a key, or the connection to OpenRouter.
   */
  async configure(settings: PoolSettings): Promise<void> {
    const { reopen, pendingChecks, contacts } = this.#deps;
    await this.#lock.exclusive(async () => {
      for (const keyId of this.#core.byId.keys()) this.#removed.add(keyId);
      this.#core = await reopen(settings, this.#core);
      await this.#core.reports.lift({ scope: 'upstream' });
    });
    const keyIds = [...this.#core.byId.keys()];
    for (const keyId of keyIds) this.#removed.delete(keyId);
    contacts.keep(keyIds);
    pendingChecks.keep(keyIds);
    this.#keyChecker.checkAll();
    this.#queue.serve();
  }

  /** Allocates a lease for a request of a session. Fails with NO_KEY_AVAILABLE. */
  acquire(session: number, request: AcquireRequest = {}): Promise<Lease> {
    return this.#leases.acquire(session, request);
  }

  /** Removes a waiting request from the queue. Returns whether it was in it. */
  cancel(session: number, internalId: string): boolean {
    return this.#queue.cancel(session, internalId);
  }

  /** Ends everything that a session waits for. */
  endSession(session: number): void {
    this.#queue.end(session);
    this.#deps.pendingChecks.end(session);
  }

  /** Notes that OpenRouter has accepted the request of a probe. */
  confirm(leaseId: string): Promise<Result<'lease.confirm'>> {
    return this.#leases.confirm(leaseId);
  }

  /** Ends a lease and applies its result. Not `applied` if it was reported before, or never given. */
  report(leaseId: string, outcome: Outcome, use: LeaseUse = {}): Promise<Result<'lease.report'>> {
    return this.#leases.report(leaseId, outcome, use);
  }

  /** Waits until a key is due for a check; null if none was. */
  takeKeyCheck(session: number, waitMs: number): Promise<Lease | null> {
    return this.#keyChecker.take(session, waitMs);
  }

  /** Whether the key's account is limited for lack of credits until a guessed time. */
  hasGuessedCreditLimit(keyId: string): boolean {
    const key = this.#core.byId.get(keyId);
    const now = this.#deps.clock.now();
    return key !== undefined && guessedCredits(this.#core, key, now).length > 0;
  }

  /** Applies the result of a key check. */
  async reportKeyCheck(
    leaseId: string,
    result: KeyCheckResult,
    clockOffsetMs?: number,
  ): Promise<Result<'inspection.report'>> {
    const { contacts, clock } = this.#deps;
    const { keyId } = readLeaseId(leaseId);
    if (!this.#keyChecker.isLatest(leaseId)) return { applied: false };
    if (clockOffsetMs !== undefined) contacts.clock(clockOffsetMs, clock.now());
    const applied = await this.#lock.shared(() => this.#keyChecker.apply(keyId, result));
    this.#deps.pendingChecks.done(keyId);
    if (applied) this.#queue.serve();
    return { applied };
  }

  /** Carries out an operator's command and returns the key's view. Fails with UNKNOWN_KEY, STORE_FAILED. */
  async command(keyId: string, command: KeyCommand): Promise<KeyView> {
    await this.#lock.shared(async () => {
      const [key, { records, reports }] = [this.#find(keyId), this.#core];
      await records.command(key, command);
      if (command.kind === 'uncool') await reports.liftAll(key);
    });
    this.#queue.serve();
    return this.get(keyId);
  }

  /** The view of one key. Fails with UNKNOWN_KEY. */
  async get(keyId: string): Promise<KeyView> {
    return await this.#core.views.key(this.#find(keyId));
  }

  /** The number of keys. */
  get size(): number {
    return this.#core.settings.keys.length;
  }

  /** A page of keys, in the configuration's order. */
  list(offset = 0, limit = this.size): Promise<KeyView[]> {
    const { views, settings } = this.#core;
    return views.keys(settings.keys.slice(offset, offset + limit));
  }

  /** The ids of the first keys of the configuration. */
  keyIds(limit: number): string[] {
    return this.#core.settings.keys.slice(0, limit).map(({ id }) => id);
  }

  /** The name of a key; its id, if it is no longer configured. */
  nameOf(keyId: string): string {
    return this.#core.byId.get(keyId)?.name ?? keyId;
  }

  /** The account of a key; undefined: the key is not configured. */
  accountOf(keyId: string): string | undefined {
    const { byId, records } = this.#core;
    const key = byId.get(keyId);
    return key && records.accountOf(key);
  }

  /** Every reason why a key cannot serve a model. Fails with UNKNOWN_KEY. */
  async whyNot(keyId: string, model: string | null): Promise<Result<'keys.whyNot'>> {
    return await this.#core.views.whyNot(this.#find(keyId), model);
  }

  /** The figures of the pool and its store. Retries failed saves. */
  async status(): Promise<PoolStatus> {
    return { ...(await this.#core.views.status()), waiting: this.#queue.size };
  }

  /** The facts of the pool that health is judged by. */
  health(): ReturnType<PoolCore['views']['health']> {
    return this.#core.views.health();
  }

  /** When OpenRouter last answered; null if it never has. */
  get lastAnswerAt(): number | null {
    return this.#deps.contacts.lastAnswerAt;
  }

  #find(keyId: string): PoolKey {
    const { byId } = this.#core;
    const key = byId.get(keyId);
    if (key !== undefined) return key;
    const near = nearest(keyId, [...byId.keys()]) ?? null;
    throw new KmsError('UNKNOWN_KEY', `There is no key ${keyId}: list the keys to see their ids.`, {
      data: { nearest: near },
    });
  }
}
