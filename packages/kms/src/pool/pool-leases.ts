import type { Lease, Outcome, Result, Usage } from '@openrouter-proxy/kms-protocol';
import { requesterOf } from '../circuits/circuit-admission.ts';
import type { KeyChecker } from '../key-checks/key-checker.ts';
import {
  allocationRequest,
  type AcquireRequest,
  type AllocationRequest,
} from '../leasing/allocation.ts';
import { FairQueue } from '../leasing/fair-queue.ts';
import type { Allocation } from '../leasing/lease-allocator.ts';
import { readLeaseId } from '../leasing/lease-id.ts';
import { noKey } from '../leasing/refusal.ts';
import type { PoolCore, PoolDeps } from './pool-core.ts';
import type { ReadWriteLock } from './read-write-lock.ts';
import { ReportsUnderWay } from './reports-under-way.ts';

/** The use of a lease. */
export interface LeaseUse {
  /** Null: unknown usage; left out: no usage, or usage is not counted. */
  readonly usage?: Usage | null | undefined;
  /** Nothing reached OpenRouter. */
  readonly isUnsent?: boolean | undefined;
}

/** Collaborators of PoolLeases. */
export interface PoolLeasesDeps extends Pick<PoolDeps, 'store' | 'ledger' | 'usage' | 'clock'> {
  readonly core: () => PoolCore;
  readonly lock: ReadWriteLock;
  readonly queue: FairQueue;
  readonly keyChecker: KeyChecker;
  /** Whether a key was configured before the last reload, and is not any more. */
  readonly isRemoved: (keyId: string) => boolean;
}

type NoLease = Extract<Allocation, { kind: 'none' }>;

/** The life of a lease: a request acquires it, waits for it, confirms it, and reports its result. */
export class PoolLeases {
  readonly #deps: PoolLeasesDeps;
  readonly #reports = new ReportsUnderWay();

  constructor(deps: PoolLeasesDeps) {
    this.#deps = deps;
  }

  /** Allocates a lease for a request of a session. Fails with NO_KEY_AVAILABLE. */
  async acquire(session: number, asked: AcquireRequest): Promise<Lease> {
    const { core, ledger, clock, keyChecker } = this.#deps;
    const request = allocationRequest(session, asked);
    const startedAt = clock.now();
    if (request.exclude.length > 0) {
      await this.#reports.settled(request.exclude);
      await keyChecker.checkAccounts(request);
    }
    const first = await this.#allocate(request);
    if (first.kind === 'lease') return first.lease;
    const later = await this.#allocateLater(asked, request, first);
    const now = clock.now();
    if (later.kind === 'none') {
      ledger.refused(request, later.refusal, core().allocator.choices(request, now), now);
      throw noKey(later.refusal, now);
    }
    return { ...later.lease, queuedMs: Math.max(0, now - startedAt) };
  }

  /** Notes that OpenRouter has accepted the request of a probe. */
  async confirm(leaseId: string): Promise<Result<'lease.confirm'>> {
    const { core, lock, queue, store, clock } = this.#deps;
    const { keyId, generation } = readLeaseId(leaseId);
    const applied = await lock.shared(async () => {
      const { byId, admission, reports } = core();
      const key = byId.get(keyId);
      if (key === undefined) return false;
      const probed = admission.take(leaseId);
      await reports.probeServed(probed);
      if (!(await store.confirm(leaseId, clock.now()))) return probed.length > 0;
      await reports.confirm(key, generation);
      return true;
    });
    if (applied) queue.serve();
    return { applied };
  }

  /** Ends a lease and applies its result. Not `applied` if it was reported before, or never given. */
  async report(leaseId: string, outcome: Outcome, use: LeaseUse): Promise<Result<'lease.report'>> {
    const { lock, queue } = this.#deps;
    const { keyId } = readLeaseId(leaseId);
    const end = lock.shared(() => this.#end(leaseId, outcome, use));
    const applied = await this.#reports.add(keyId, end);
    if (applied) queue.serve();
    return { applied };
  }

  #allocate(request: AllocationRequest): Promise<Allocation> {
    const { core, lock, clock } = this.#deps;
    return lock.shared(() => core().allocator.allocate(request, clock.now()));
  }

  /** Tries again after the refusal's guesses were checked, then waits in the queue. */
  async #allocateLater(
    asked: AcquireRequest,
    request: AllocationRequest,
    refused: NoLease,
  ): Promise<Allocation> {
    const { core, queue, keyChecker, clock } = this.#deps;
    const wasChecked = await keyChecker.checkGuesses(refused.refusal);
    const allocation = wasChecked ? await this.#allocate(request) : refused;
    if (allocation.kind === 'lease') return allocation;
    const { client = '' } = asked;
    const waitMs = FairQueue.waitFor(allocation.refusal, asked);
    if (waitMs === 0) return allocation;
    const { session, internalId = request.requestId } = request;
    const exclude = core().allocator.stillTried(request, clock.now());
    const attempt = () => this.#allocate({ ...request, exclude });
    return queue.wait({ client, session, internalId, waitMs, attempt }, allocation);
  }

  async #end(
    leaseId: string,
    outcome: Outcome,
    { usage: used, isUnsent = false }: LeaseUse,
  ): Promise<boolean> {
    const { core, store, ledger, usage, clock, keyChecker, isRemoved } = this.#deps;
    const { keyId, generation } = readLeaseId(leaseId);
    const key = core().byId.get(keyId);
    if (key === undefined && !isRemoved(keyId)) return false;
    const unsent = isUnsent || outcome.kind === 'unused';
    const lease = await store.release(leaseId, keyId, clock.now(), unsent);
    if (!lease.applied) return false;
    core().admission.take(leaseId);
    const { model, client, wasProbe } = lease;
    const isInference = lease.request?.isInference !== false;
    usage.add({ keyId, model, client }, outcome, used, clock.now());
    if (key !== undefined) keyChecker.observe(keyId, outcome, { model, isInference });
    const requester = requesterOf(leaseId, lease, clock.now());
    const result = { model, isInference, wasProbe, outcome, generation, requester };
    const followed = key === undefined ? [] : await core().reports.take(key, result);
    ledger.ended(leaseId, outcome, used, followed, clock.now());
    if (key !== undefined) keyChecker.requestIfGuessed(key);
    return true;
  }
}
