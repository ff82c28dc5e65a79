import type { Lease, NoKeyData } from '@openrouter-proxy/kms-protocol';
import type { Choices, Ledger } from '../accounting/ledger.ts';
import type { Allowances } from '../accounts/accounts.ts';
import type { CircuitAdmission } from '../circuits/circuit-admission.ts';
import type { Contacts } from '../health/contacts.ts';
import type { LimitListener } from '../keys/limit-listener.ts';
import type { CircuitSubject, Subject } from '../limits/limit.ts';
import { poolOf } from '../limits/model-pool.ts';
import type { Eligibility, KeysAndLimits } from '../selection/eligibility.ts';
import { Exclusions } from '../selection/exclusions.ts';
import { KeyOrder } from '../selection/key-order.ts';
import type { KeyLoads } from '../selection/lease-loads.ts';
import { ModelAccess } from '../selection/model-access.ts';
import type { Selection } from '../selection/ranking.ts';
import {
  StateUnavailable,
  type LeaseTerms,
  type StateStore,
  type Window,
} from '../store/state-store.ts';
import type { AllocationRequest } from './allocation.ts';
import { candidateOf, type KeyCandidate } from './candidates.ts';
import type { LeaseTokens } from './lease-id.ts';
import { Refusals } from './refusals.ts';

/** Collaborators of LeaseAllocator. */
export interface LeaseAllocatorDeps extends KeysAndLimits {
  readonly admission: CircuitAdmission;
  readonly contacts: Contacts;
  readonly eligibility: Eligibility;
  readonly allowances: Allowances;
  readonly store: StateStore;
  readonly selection: Selection;
  readonly loads: KeyLoads;
  readonly leaseTokens: LeaseTokens;
  readonly leaseTtlMs: number;
  readonly ledger: Pick<Ledger, 'chosen'>;
  readonly listener: Pick<LimitListener, 'onLimit'>;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
}

/** A lease, or the reason why there is none. */
export type Allocation = { kind: 'lease'; lease: Lease } | { kind: 'none'; refusal: NoKeyData };

/** The store is tried again within a second, and an outage is often short. */
const STATE_UNAVAILABLE: NoKeyData = { reason: 'state_unavailable', retryAfterMs: 1_000 };

/** Candidates offered to the store at once: the first nearly always has room. */
const FIRST_BATCH = 1;
const LARGEST_BATCH = 64;
const GROWTH = 4;

/** Allocates leases: orders the keys, and has the store reserve the first that has room. */
export class LeaseAllocator {
  readonly #deps: LeaseAllocatorDeps;
  /** The position of the key that was offered last: round-robin continues after it. */
  #last = -1;
  readonly #order: KeyOrder;
  readonly #refusals: Refusals;
  readonly #exclusions: Exclusions;

  constructor(deps: LeaseAllocatorDeps) {
    this.#deps = deps;
    const access = new ModelAccess(deps);
    this.#order = new KeyOrder({ ...deps, access });
    this.#refusals = new Refusals({ ...deps, access });
    this.#exclusions = new Exclusions(deps);
  }

  /** Allocates a lease at once, or says why no key can serve. */
  async allocate(request: AllocationRequest, now: number): Promise<Allocation> {
    const { leaseTtlMs, ledger, admission } = this.#deps;
    const refusal = this.#refusals.ofEveryKey(request, now);
    if (refusal !== undefined) return { kind: 'none', refusal };
    const { session, model, client, requestId, internalId = requestId, isInference } = request;
    const leasedFor = { id: internalId === '' ? null : internalId, at: now, isInference };
    const terms = { session, expiresAt: now + leaseTtlMs, model, client, request: leasedFor };
    const choices = this.choices(request, now);
    const probed = admission.startProbes(request, now);
    const last = this.#last;
    let reserved: KeyCandidate | null;
    try {
      reserved = await this.#reserve(request, terms, now);
    } catch (error) {
      admission.cancelProbes(probed, request, now);
      if (!(error instanceof StateUnavailable)) throw error;
      return { kind: 'none', refusal: STATE_UNAVAILABLE };
    }
    if (reserved === null) {
      admission.cancelProbes(probed, request, now);
      return { kind: 'none', refusal: this.#refusals.of(request, now) };
    }
    admission.leased(reserved.leaseId, probed);
    const lease = this.#leaseOf(reserved, probed, terms.expiresAt);
    const rule = this.#order.ruleFor(reserved.key, request.affinity, last);
    ledger.chosen(request, lease, { ...choices, rule }, now);
    return { kind: 'lease', lease };
  }

  /** Continues the rotation after this key. */
  continueAfter(keyId: string): void {
    const last = this.#deps.keys.find(({ id }) => id === keyId);
    if (last !== undefined) this.#last = last.position;
  }

  /** The keys that a request can choose from, and the excluded ones. */
  choices({ model, exclude }: AllocationRequest, now: number): Choices {
    const eligible = this.#deps.eligibility.of(poolOf(model), now);
    return this.#exclusions.choices(eligible, { model, exclude }, now);
  }

  /** See `Refusals.stillTried`. */
  stillTried(request: AllocationRequest, now: number): string[] {
    return this.#refusals.stillTried(request, now);
  }

  /** Has the store reserve the first key in order that has room; null if none has. */
  async #reserve(
    request: AllocationRequest,
    terms: LeaseTerms,
    now: number,
  ): Promise<KeyCandidate | null> {
    const { store, leaseTokens } = this.#deps;
    const last = this.#last;
    const token = leaseTokens.next();
    const keys = this.#order.for(request, last, now)[Symbol.iterator]();
    for (let size = FIRST_BATCH; ; size = Math.min(size * GROWTH, LARGEST_BATCH)) {
      const batch = take(keys, size).map((key) =>
        candidateOf(this.#deps, key, request.model, token, now),
      );
      const [first] = batch;
      if (first === undefined) {
        this.#last = last;
        return null;
      }
      // Requests of one turn of the event loop choose before the store answers any of them.
      this.#last = first.key.position;
      const { taken, full } = await store.reserve(batch, terms, now);
      for (const window of full) this.#noteFull(window, now);
      if (taken === null) continue;
      if (taken !== first) this.#last = taken.key.position;
      return taken;
    }
  }

  #leaseOf(
    { key, leaseId, slots }: KeyCandidate,
    probed: readonly CircuitSubject[],
    expiresAt: number,
  ): Lease {
    return {
      leaseId,
      keyId: key.id,
      keyName: key.name,
      account: this.#deps.records.accountOf(key),
      probe: probed.length > 0 || slots.some(({ untilConfirmed }) => untilConfirmed === true),
      queuedMs: 0,
      secret: key.secret.reveal(),
      expiresAt,
    };
  }

  /** Limits an account whose window is full, until the window ends. */
  #noteFull({ id, startsAt, endsAt }: Window, now: number): void {
    if (startsAt > now) return;
    const { limits, listener, records } = this.#deps;
    const account = id.slice(0, id.lastIndexOf('/'));
    const subject: Subject = { scope: 'account', account, pool: 'free' };
    const end = { until: endsAt, source: 'window' } as const;
    const cause = { reason: 'free_requests_used', detail: '' };
    const limit = limits.apply({ kind: 'limit', subject, end }, cause, now);
    if (limit !== undefined) listener.onLimit(limit, records.keysConcernedBy(subject));
  }
}

/** The next elements of an iterator, at most `count`. */
function take<T>(from: Iterator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = from.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}
