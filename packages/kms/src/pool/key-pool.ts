import { nearest } from '@openrouter-proxy/config';
import {
  KmsError,
  type Finding,
  type KeyView,
  type Lease,
  type Outcome,
  type Result,
  type Usage,
} from '@openrouter-proxy/kms-protocol';
import { requesterOf } from '../circuits/circuit-admission.ts';
import { guessedCredits } from '../key-checks/doubts.ts';
import type { Contacts } from '../health/contacts.ts';
import type { PendingChecks } from '../key-checks/pending-checks.ts';
import { ReadWriteLock } from './read-write-lock.ts';
import { KeyChecker } from '../key-checks/key-checker.ts';
import type { PoolKey } from '../keys/key-records.ts';
import type { KeyCommand } from '../keys/key-state.ts';
import { readLeaseId } from '../leasing/lease-id.ts';
import {
  allocationRequest,
  type AcquireRequest,
  type AllocationRequest,
} from '../leasing/allocation.ts';
import type { Allocation } from '../leasing/lease-allocator.ts';
import type { PoolCore, PoolDeps, PoolSettings } from './pool-core.ts';
import { poolWatcher } from './pool-watcher.ts';
import { noKey } from '../leasing/refusal.ts';
import { ReportsUnderWay } from './reports-under-way.ts';
import { FairQueue } from '../leasing/fair-queue.ts';

/** What a lease was used for. */
export interface LeaseUse {
  /** Null: something unknown; left out: nothing, or it is not counted. */
  readonly usage?: Usage | null | undefined;
  /** Nothing reached OpenRouter. */
  readonly isUnsent?: boolean | undefined;
}

/** What the pool is made of. */
export interface KeyPoolDeps extends Omit<PoolDeps, 'loads' | 'history'> {
  readonly core: PoolCore;
  /** Builds the core for changed settings; what was known stays known. */
  readonly reopen: (settings: PoolSettings, before: PoolCore) => Promise<PoolCore>;
  readonly contacts: Contacts;
  readonly pendingChecks: PendingChecks;
}

type NoLease = Extract<Allocation, { kind: 'none' }>;

/** The state of the pool in figures. */
export type PoolStatus = Omit<
  Result<'service.status'>,
  'version' | 'startedAt' | 'process' | 'health'
>;

/** Gives out the keys, takes in what came of them, and tells how they are. */
export class KeyPool {
  readonly #deps: KeyPoolDeps;
  readonly #keyChecker: KeyChecker;
  readonly #line: FairQueue;
  /** What changes keys goes through it; the configuration changes while nobody is inside. */
  readonly #gate = new ReadWriteLock();
  readonly #reports = new ReportsUnderWay();
  #core: PoolCore;
  /** Keys that are no longer configured: leases of theirs may still be under way. */
  readonly #gone = new Set<string>();

  constructor(deps: KeyPoolDeps) {
    this.#deps = deps;
    this.#core = deps.core;
    this.#line = new FairQueue(deps.clock);
    const core = () => this.#core;
    const onChange = () => this.#line.serve();
    this.#keyChecker = new KeyChecker({ ...deps, core });
    deps.store.watch(poolWatcher({ ...deps, core, onChange }));
  }

  /**
   * Goes on with other keys or rules. What is known of keys, leases under way, and requests that wait
   * stay; a key that is gone is never lent again, and what comes of its leases is still taken in. What
   * was wrong with a key, or with the way to OpenRouter, may just have been mended: OpenRouter is asked
   * at once about every key.
   */
  async configure(settings: PoolSettings): Promise<void> {
    const { reopen, pendingChecks, contacts } = this.#deps;
    await this.#gate.exclusive(async () => {
      for (const keyId of this.#core.byId.keys()) this.#gone.add(keyId);
      this.#core = await reopen(settings, this.#core);
      await this.#core.reports.lift({ scope: 'upstream' });
    });
    const keyIds = [...this.#core.byId.keys()];
    for (const keyId of keyIds) this.#gone.delete(keyId);
    contacts.keep(keyIds);
    pendingChecks.keep(keyIds);
    this.#keyChecker.askAll();
    this.#line.serve();
  }

  /** Lends a key for a request of a session. Fails with NO_KEY_AVAILABLE. */
  async acquire(session: number, request: AcquireRequest = {}): Promise<Lease> {
    const { ledger, clock } = this.#deps;
    const wanted = allocationRequest(session, request);
    const startedAt = clock.now();
    if (wanted.exclude.length > 0) {
      await this.#reports.settled(wanted.exclude);
      await this.#keyChecker.learnAccounts(wanted);
    }
    const lent = await this.#lend(wanted);
    if (lent.kind === 'lease') return lent.lease;
    const later = await this.#lendLater(request, wanted, lent);
    const now = clock.now();
    if (later.kind === 'none') {
      ledger.refused(wanted, later.refusal, this.#core.allocator.choices(wanted, now), now);
      throw noKey(later.refusal, now);
    }
    return { ...later.lease, queuedMs: Math.max(0, now - startedAt) };
  }

  #lend(wanted: AllocationRequest): Promise<Allocation> {
    return this.#gate.shared(() => this.#core.allocator.allocate(wanted, this.#deps.clock.now()));
  }

  /** What can be done for a request that found no key: look whether that is so, and wait. */
  async #lendLater(
    request: AcquireRequest,
    wanted: AllocationRequest,
    refused: NoLease,
  ): Promise<Allocation> {
    const knowsMore = await this.#keyChecker.learnMore(refused.refusal);
    const lent = knowsMore ? await this.#lend(wanted) : refused;
    if (lent.kind === 'lease') return lent;
    const { client = '' } = request;
    const waitMs = FairQueue.waitFor(lent.refusal, request);
    if (waitMs === 0) return lent;
    const { session, internalId = wanted.requestId } = wanted;
    const exclude = this.#core.allocator.stillTried(wanted, this.#deps.clock.now());
    const attempt = () => this.#lend({ ...wanted, exclude });
    return this.#line.wait({ client, session, internalId, waitMs, attempt }, lent);
  }

  /** Takes a waiting request out of the line. */
  cancel(session: number, internalId: string): boolean {
    return this.#line.cancel(session, internalId);
  }

  /** Ends what a session waits for. */
  endSession(session: number): void {
    this.#line.end(session);
    this.#deps.pendingChecks.end(session);
  }

  /** Notes that OpenRouter has taken the request of a lease that was to prove its key. */
  async confirm(leaseId: string): Promise<Result<'lease.confirm'>> {
    const { store, clock } = this.#deps;
    const { keyId, generation } = readLeaseId(leaseId);
    const applied = await this.#gate.shared(async () => {
      const { byId, admission, reports } = this.#core;
      const key = byId.get(keyId);
      if (key === undefined) return false;
      const probed = admission.take(leaseId);
      await reports.probeServed(probed);
      if (!(await store.confirm(leaseId, clock.now()))) return probed.length > 0;
      await reports.prove(key, generation);
      return true;
    });
    if (applied) this.#line.serve();
    return { applied };
  }

  /** Ends a lease and takes in what came of it; not `applied` if it was reported before, or never given. */
  async report(
    leaseId: string,
    outcome: Outcome,
    use: LeaseUse = {},
  ): Promise<Result<'lease.report'>> {
    const { keyId } = readLeaseId(leaseId);
    const end = this.#gate.shared(() => this.#endLease(leaseId, outcome, use));
    const applied = await this.#reports.add(keyId, end);
    if (applied) this.#line.serve();
    return { applied };
  }

  async #endLease(
    leaseId: string,
    outcome: Outcome,
    { usage: used, isUnsent = false }: LeaseUse,
  ): Promise<boolean> {
    const { store, ledger, usage, clock } = this.#deps;
    const { keyId, generation } = readLeaseId(leaseId);
    const key = this.#core.byId.get(keyId);
    if (key === undefined && !this.#gone.has(keyId)) return false;
    const unsent = isUnsent || outcome.kind === 'unused';
    const lease = await store.release(leaseId, keyId, clock.now(), unsent);
    if (!lease.applied) return false;
    this.#core.admission.take(leaseId);
    const { model, client, wasProbe } = lease;
    const isInference = lease.request?.isInference !== false;
    usage.add({ keyId, model, client }, outcome, used, clock.now());
    if (key !== undefined) this.#keyChecker.observe(keyId, outcome, { model, isInference });
    const requester = requesterOf(leaseId, lease, clock.now());
    const end = { model, isInference, wasProbe, outcome, generation, requester };
    const followed = key === undefined ? [] : await this.#core.reports.take(key, end);
    ledger.ended(leaseId, outcome, used, followed, clock.now());
    if (key !== undefined) this.#keyChecker.wantIfGuessed(key);
    return true;
  }

  /** Waits for a key that should be asked about; null if there is none. */
  takeInspection(session: number, waitMs: number): Promise<Lease | null> {
    return this.#keyChecker.take(session, waitMs);
  }

  /** Whether a key's account is limited for want of credits, for a time that is only guessed. */
  isInDoubtOfCredits(keyId: string): boolean {
    const key = this.#core.byId.get(keyId);
    const now = this.#deps.clock.now();
    return key !== undefined && guessedCredits(this.#core, key, now).length > 0;
  }

  /** Takes in what came of asking about a key. */
  async reportInspection(
    leaseId: string,
    finding: Finding,
    clockOffsetMs?: number,
  ): Promise<Result<'inspection.report'>> {
    const { contacts, clock } = this.#deps;
    const { keyId } = readLeaseId(leaseId);
    if (!this.#keyChecker.isLatest(leaseId)) return { applied: false };
    if (clockOffsetMs !== undefined) contacts.clock(clockOffsetMs, clock.now());
    const applied = await this.#gate.shared(() => this.#keyChecker.takeIn(keyId, finding));
    this.#deps.pendingChecks.done(keyId);
    if (applied) this.#line.serve();
    return { applied };
  }

  /** Does what an operator says, and shows what came of it. Fails with UNKNOWN_KEY, STORE_FAILED. */
  async command(keyId: string, command: KeyCommand): Promise<KeyView> {
    await this.#gate.shared(async () => {
      const [key, { records, reports }] = [this.#find(keyId), this.#core];
      await records.command(key, command);
      if (command.kind === 'uncool') await reports.release(key);
    });
    this.#line.serve();
    return this.get(keyId);
  }

  /** One key. Fails with UNKNOWN_KEY. */
  async get(keyId: string): Promise<KeyView> {
    return await this.#core.views.key(this.#find(keyId));
  }

  /** How many keys there are. */
  get size(): number {
    return this.#core.settings.keys.length;
  }

  /** The keys in the configuration's order, from a place on, and so many. */
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

  /** What keeps a key from serving a model. Fails with UNKNOWN_KEY. */
  async whyNot(keyId: string, model: string | null): Promise<Result<'keys.whyNot'>> {
    return await this.#core.views.whyNot(this.#find(keyId), model);
  }

  /** How the pool and its store are. Tries to save what could not be saved before. */
  async status(): Promise<PoolStatus> {
    return { ...(await this.#core.views.status()), waiting: this.#line.size };
  }

  /** What the pool tells of its health. */
  health(): ReturnType<PoolCore['views']['health']> {
    return this.#core.views.health();
  }

  /** When OpenRouter answered last; null: it has not. */
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
