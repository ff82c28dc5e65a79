import {
  KmsError,
  type Api,
  type Finding,
  type KeyView,
  type Lease,
  type Outcome,
  type Result,
  type Usage,
} from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import type { Inspections } from './inspections.ts';
import type { KeyRecords, PoolKey } from './key-records.ts';
import type { KeyCommand } from './key-state.ts';
import { leaseIdOf, readLeaseId, type LeaseTokens } from './lease-id.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { SpendingWatch } from './ledger/spending-watch.ts';
import type { UsageTotals } from './ledger/usage-totals.ts';
import type { Lender, LendRequest, Lent } from './lender.ts';
import { isGuess } from './limit.ts';
import type { LimitBook } from './limit-book.ts';
import { nearestKeyId } from './nearest-key.ts';
import type { PoolViews } from './pool-views.ts';
import { noKey } from './refusal.ts';
import type { Reports } from './reports.ts';
import type { StateStore } from './state-store.ts';
import { WaitingLine } from './waiting-line.ts';

/** What a lease is asked for with. */
export interface AcquireRequest {
  readonly requestId?: string | undefined;
  readonly api?: Api | undefined;
  readonly model?: string | null | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly client?: string | undefined;
  readonly affinity?: string | undefined;
  readonly waitMs?: number | undefined;
}

/** What the pool is made of. */
export interface KeyPoolOptions {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly limits: LimitBook;
  readonly views: PoolViews;
  readonly store: StateStore;
  readonly lender: Lender;
  readonly reports: Reports;
  readonly inspections: Inspections;
  readonly leaseTokens: LeaseTokens;
  readonly leaseTtlMs: number;
  readonly ledger: Ledger;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly onUnexplained: (key: PoolKey, credits: number) => void;
  readonly clock: Clock;
}

function lendRequest(session: number, request: AcquireRequest): LendRequest {
  const { requestId = '', api = 'other', client = null, model = null } = request;
  const { exclude = [], affinity = null } = request;
  return { session, requestId, api, client, model, exclude, affinity };
}

type NoLease = Extract<Lent, { kind: 'none' }>;

/** The state of the pool in figures. */
export type PoolStatus = Omit<Result<'service.status'>, 'version' | 'startedAt' | 'process'>;

/** Gives out the keys, takes in what came of them, and tells how they are. */
export class KeyPool {
  readonly #options: KeyPoolOptions;
  readonly #byId: ReadonlyMap<string, PoolKey>;
  readonly #line: WaitingLine;

  constructor(options: KeyPoolOptions) {
    this.#options = options;
    this.#byId = new Map(options.keys.map((key) => [key.id, key]));
    this.#line = new WaitingLine(options.clock);
  }

  /** Lends a key for a request of a session. Fails with NO_KEY_AVAILABLE. */
  async acquire(session: number, request: AcquireRequest = {}): Promise<Lease> {
    const { lender, ledger, clock } = this.#options;
    const wanted = lendRequest(session, request);
    const startedAt = clock.now();
    const lent = await lender.lend(wanted, startedAt);
    if (lent.kind === 'lease') return lent.lease;
    const later = await this.#lendLater(request, wanted, lent);
    const now = clock.now();
    if (later.kind === 'none') {
      ledger.refused(wanted, later.refusal, lender.choices(wanted, now), now);
      throw noKey(later.refusal, now);
    }
    return { ...later.lease, queuedMs: Math.max(0, now - startedAt) };
  }

  /** What can be done for a request that found no key: look whether that is so, and wait. */
  async #lendLater(request: AcquireRequest, wanted: LendRequest, refused: NoLease): Promise<Lent> {
    const { lender, clock } = this.#options;
    const lent = (await this.#learnMore(refused))
      ? await lender.lend(wanted, clock.now())
      : refused;
    const { client = '', requestId = '', waitMs = 0 } = request;
    if (lent.kind === 'lease' || waitMs === 0 || !WaitingLine.helps(lent.refusal)) return lent;
    const { session } = wanted;
    const exclude = lender.stillTried(wanted, clock.now());
    const attempt = (now: number) => lender.lend({ ...wanted, exclude }, now);
    return this.#line.wait({ client, session, requestId, waitMs, attempt }, lent);
  }

  /** Takes a waiting request out of the line. */
  cancel(session: number, requestId: string): boolean {
    return this.#line.cancel(session, requestId);
  }

  /** Ends what a session waits for. */
  endSession(session: number): void {
    this.#line.end(session);
    this.#options.inspections.end(session);
  }

  /** Notes that OpenRouter has taken the request of a lease that was to prove its key. */
  async confirm(leaseId: string): Promise<Result<'lease.confirm'>> {
    const { store, reports, clock } = this.#options;
    const { keyId, generation } = readLeaseId(leaseId);
    const key = this.#byId.get(keyId);
    const applied = key !== undefined && (await store.confirm(leaseId, clock.now()));
    if (key === undefined || !applied) return { applied: false };
    await reports.prove(key, generation);
    this.#line.serve();
    return { applied };
  }

  /** Ends a lease and takes in what came of it; not `applied` if it was reported before, or never given. */
  async report(
    leaseId: string,
    outcome: Outcome,
    used?: Usage | null,
  ): Promise<Result<'lease.report'>> {
    const { keyId, generation } = readLeaseId(leaseId);
    const key = this.#byId.get(keyId);
    if (key === undefined) return { applied: false };
    const { store, reports, ledger, usage, clock } = this.#options;
    const unsent = outcome.kind === 'unused';
    const { applied, ...lease } = await store.release(leaseId, keyId, clock.now(), unsent);
    if (applied) {
      usage.add({ keyId, ...lease }, outcome, used, clock.now());
      const followed = await reports.take(key, { ...lease, outcome, generation });
      ledger.ended(leaseId, outcome, used, followed, clock.now());
      this.#inspectIfGuessed(key);
      this.#line.serve();
    }
    return { applied };
  }

  /** Waits for a key that should be asked about; null if there is none. */
  async takeInspection(session: number, waitMs: number): Promise<Lease | null> {
    const { inspections, records, leaseTokens, leaseTtlMs, clock } = this.#options;
    const keyId = await inspections.take(session, waitMs);
    const key = keyId === null ? undefined : this.#byId.get(keyId);
    if (key === undefined) return null;
    const now = clock.now();
    return {
      leaseId: leaseIdOf(key.id, records.of(key, now).generation, leaseTokens.next()),
      keyId: key.id,
      keyName: key.name,
      account: records.accountOf(key),
      probe: false,
      queuedMs: 0,
      secret: key.secret.reveal(),
      expiresAt: now + leaseTtlMs,
    };
  }

  /** Takes in what came of asking about a key. */
  async reportInspection(leaseId: string, finding: Finding): Promise<Result<'inspection.report'>> {
    const { reports, inspections } = this.#options;
    const { keyId } = readLeaseId(leaseId);
    const key = this.#byId.get(keyId);
    if (key === undefined) return { applied: false };
    if (finding.kind === 'facts') {
      await reports.inspected(key, finding);
      this.#compareCharges(key, finding.usageDaily);
    } else if (finding.outcome.kind === 'unauthorized')
      await reports.disowned(key, finding.outcome);
    inspections.done(keyId);
    this.#inspectIfGuessed(key);
    this.#line.serve();
    return { applied: true };
  }

  /** A key whose charges are not explained by what was spent here is used elsewhere too. */
  #compareCharges(key: PoolKey, charged: number | null): void {
    if (charged === null) return;
    const { usage, spending, onUnexplained, clock } = this.#options;
    const now = clock.now();
    const credits = spending.take(key.id, charged, usage.today(key.id, now), now);
    if (credits !== null) onUnexplained(key, credits);
  }

  /** Does what an operator says, and shows what came of it. Fails with UNKNOWN_KEY, STORE_FAILED. */
  async command(keyId: string, command: KeyCommand): Promise<KeyView> {
    await this.#options.records.command(this.#find(keyId), command);
    this.#line.serve();
    return this.get(keyId);
  }

  /** One key. Fails with UNKNOWN_KEY. */
  async get(keyId: string): Promise<KeyView> {
    return await this.#options.views.key(this.#find(keyId));
  }

  /** How many keys there are. */
  get size(): number {
    return this.#options.keys.length;
  }

  /** The keys in the configuration's order, from a place on, and so many. */
  list(offset = 0, limit = this.size): Promise<KeyView[]> {
    const { views, keys } = this.#options;
    return views.keys(keys.slice(offset, offset + limit));
  }

  /** The ids of the first keys of the configuration. */
  keyIds(limit: number): string[] {
    return this.#options.keys.slice(0, limit).map(({ id }) => id);
  }

  /** The name of a key; its id, if it is no longer configured. */
  nameOf(keyId: string): string {
    return this.#byId.get(keyId)?.name ?? keyId;
  }

  /** What keeps a key from serving a model. Fails with UNKNOWN_KEY. */
  async whyNot(keyId: string, model: string | null): Promise<Result<'keys.whyNot'>> {
    return await this.#options.views.whyNot(this.#find(keyId), model);
  }

  /** How the pool and its store are. Tries to save what could not be saved before. */
  async status(): Promise<PoolStatus> {
    return { ...(await this.#options.views.status()), waiting: this.#line.size };
  }

  /** Before the pool is said to be empty, what keeps keys out of it is looked into, where it is only guessed. */
  async #learnMore({ refusal }: NoLease): Promise<boolean> {
    if (refusal.reason !== 'cooling') return false;
    const { keys, inspections, clock } = this.#options;
    const now = clock.now();
    const guessed = keys.filter((key) => this.#isGuessed(key, now));
    return guessed.length > 0 && inspections.askNow(guessed.slice(0, 16).map(({ id }) => id));
  }

  #inspectIfGuessed(key: PoolKey): void {
    const { inspections, clock } = this.#options;
    const now = clock.now();
    if (this.#isGuessed(key, now)) inspections.want(key.id, now);
  }

  #isGuessed(key: PoolKey, now: number): boolean {
    const { records, limits } = this.#options;
    const { state } = records.of(key, now);
    if (state.kind === 'cooling') return isGuess(state.cause);
    const account = records.accountOf(key);
    const limit = limits.on({ scope: 'account', account, pool: 'free' }, now);
    return limit !== undefined && isGuess(limit.cause);
  }

  #find(keyId: string): PoolKey {
    const key = this.#byId.get(keyId);
    if (key !== undefined) return key;
    const nearest = nearestKeyId(keyId, this.#byId.keys());
    throw new KmsError('UNKNOWN_KEY', `There is no key ${keyId}: list the keys to see their ids.`, {
      data: { nearest },
    });
  }
}
