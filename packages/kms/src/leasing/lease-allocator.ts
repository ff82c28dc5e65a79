import type { Lease, NoKeyData } from '@openrouter-proxy/kms-protocol';
import { freeSlot, windowsAt, type Allowances } from '../accounts/accounts.ts';
import { AccountRing } from './account-ring.ts';
import { KEYS_REFUSED, type CircuitAdmission } from '../circuits/circuit-admission.ts';
import type { Eligibility, Eligible } from './eligibility.ts';
import type { Contacts } from '../health/contacts.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import { leaseIdOf, type LeaseTokens } from './lease-id.ts';
import type { AllocationRequest } from './allocation.ts';
import type { Ledger, Choices } from '../accounting/ledger.ts';
import type { Subject } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import type { LoadOrders } from './lease-loads.ts';
import { ModelAccess } from './model-access.ts';
import { poolOf, type RequestPool } from '../limits/model-pool.ts';
import { Exclusions } from './exclusions.ts';
import { commonReason, purposeOf } from './blockers.ts';
import { refusalOf } from './refusal.ts';
import type { LimitListener } from '../keys/limit-listener.ts';
import { ranked, type Selection } from './selection.ts';
import {
  StateUnavailable,
  type Candidate,
  type Reserved,
  type Slot,
  type StateStore,
  type Window,
} from '../store/state-store.ts';

/** What lending works with. */
export interface LeaseAllocatorDeps {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
  readonly admission: CircuitAdmission;
  readonly contacts: Contacts;
  readonly eligibility: Eligibility;
  readonly allowances: Allowances;
  readonly store: StateStore;
  readonly selection: Selection;
  /** The keys by their number of leases, for each pool, which the store's owner keeps up to date. */
  readonly loadOrders: LoadOrders;
  readonly leaseTokens: LeaseTokens;
  readonly leaseTtlMs: number;
  readonly ledger: Ledger;
  readonly listener: Pick<LimitListener, 'onLimit'>;
  readonly random: () => number;
}

/** A lease, or why there is none. */
export type Allocation = { kind: 'lease'; lease: Lease } | { kind: 'none'; refusal: NoKeyData };

type KeyCandidate = Candidate & { readonly key: PoolKey; readonly rule: string };

/** It is looked for every moment, and is often back in the next. */
const STATE_UNAVAILABLE: NoKeyData = { reason: 'state_unavailable', retryAfterMs: 1_000 };

/** Lends keys: ranks the candidates by what is known, and has the store take the first that has room. */
export class LeaseAllocator {
  readonly #parts: LeaseAllocatorDeps;
  /** The position of the key that was offered last. */
  #last = -1;
  /** What each load order was last brought in line with. */
  readonly #ordered = new Map<RequestPool, Eligible>();
  #ring: { readonly version: number; readonly ring: AccountRing } | undefined;
  readonly #leftOut: Exclusions;
  readonly #access: ModelAccess;

  constructor(parts: LeaseAllocatorDeps) {
    this.#parts = parts;
    this.#leftOut = new Exclusions(parts);
    this.#access = new ModelAccess(parts);
  }

  /** Lends a key at once, or says why none can be lent. */
  async lend(request: AllocationRequest, now: number): Promise<Allocation> {
    const { store, records, leaseTtlMs, ledger, admission } = this.#parts;
    const held = this.#heldBack(request, now);
    if (held !== undefined) return { kind: 'none', refusal: held };
    const { session, model, client, requestId, internalId = requestId, isInference } = request;
    const leasedFor = { id: internalId === '' ? null : internalId, at: now, isInference };
    const terms = { session, expiresAt: now + leaseTtlMs, model, client, request: leasedFor };
    const choices = this.choices(request, now);
    const probed = admission.probe(request, now);
    let reserved: Reserved<KeyCandidate>;
    try {
      reserved = await store.reserve(this.#candidates(request, now), terms, now);
    } catch (error) {
      admission.unprobe(probed, request, now);
      if (!(error instanceof StateUnavailable)) throw error;
      return { kind: 'none', refusal: STATE_UNAVAILABLE };
    }
    const { taken, full } = reserved;
    for (const window of full) this.#noteFull(window, now);
    if (taken === null) {
      admission.unprobe(probed, request, now);
      return { kind: 'none', refusal: this.refusal(request, now) };
    }
    const { key, leaseId, slots, rule } = taken;
    admission.leased(leaseId, probed);
    const lease: Lease = {
      leaseId,
      keyId: key.id,
      keyName: key.name,
      account: records.accountOf(key),
      probe: probed.length > 0 || slots.some(({ untilConfirmed }) => untilConfirmed === true),
      queuedMs: 0,
      secret: key.secret.reveal(),
      expiresAt: terms.expiresAt,
    };
    ledger.chosen(request, lease, { ...choices, rule }, now);
    return { kind: 'lease', lease };
  }

  /** The rotation goes on after this key. */
  goOnAfter(keyId: string): void {
    const last = this.#parts.keys.find(({ id }) => id === keyId);
    if (last !== undefined) this.#last = last.position;
  }

  /** What a key for a request is chosen from. */
  choices({ model, exclude }: AllocationRequest, now: number): Choices {
    const eligible = this.#parts.eligibility.of(poolOf(model), now);
    return this.#leftOut.choices(eligible, { model, exclude }, now);
  }

  /** Why no key can be lent. */
  refusal(request: AllocationRequest, now: number): NoKeyData {
    const { keys, contacts } = this.#parts;
    const { model, exclude } = request;
    const held = this.#heldBack(request, now);
    if (held !== undefined) return held;
    const tried = new Set(exclude);
    const isRefused = this.#access.refusing(request, now);
    const standings = keys.map((key) =>
      isRefused(key)
        ? { blockedUntil: 0, isTried: true }
        : { blockedUntil: this.#blockedUntil(key, model, now), isTried: tried.has(key.id) },
    );
    const refusal = refusalOf(standings, now);
    const isUnknown = (key: PoolKey) =>
      this.#isRefused(key, now) || contacts.of(key.id)?.verdict === 'refused';
    const mayBeOfKeys = refusal.reason === 'cooling' || refusal.reason === 'exhausted';
    if (mayBeOfKeys && keys.every(isUnknown)) return KEYS_REFUSED;
    if (refusal.reason !== 'cooling') return refusal;
    const because = commonReason(this.#parts, keys, purposeOf(model), now);
    return because === undefined ? refusal : { ...refusal, because };
  }

  /** Whether OpenRouter has said that it does not know the key. */
  #isRefused(key: PoolKey, now: number): boolean {
    const { state } = this.#parts.records.of(key, now);
    return 'cause' in state && state.cause.reason === 'unauthorized';
  }

  /** Of the keys a request has tried, those that can serve all the same: the others may be tried again once they return. */
  stillTried({ model, exclude }: AllocationRequest, now: number): string[] {
    const tried = new Set(exclude);
    return this.#parts.keys
      .filter((key) => tried.has(key.id) && this.#blockedUntil(key, model, now) <= now)
      .map(({ id }) => id);
  }

  /** What holds every key back alike. */
  #heldBack(request: AllocationRequest, now: number): NoKeyData | undefined {
    return this.#parts.admission.refusal(request, now) ?? this.#access.refusal(request, now);
  }

  #blockedUntil(key: PoolKey, model: string | null, now: number): number {
    const { eligibility } = this.#parts;
    const until = eligibility.blockedUntil(key, poolOf(model), now);
    return Math.max(until, this.#access.limitEnd(key, model, now));
  }

  /**
   * The keys that may serve, the best first. Those whose account shuts the model out come only where no
   * other key can serve, and none has refused this request: one of them may have changed its settings.
   */
  *#candidates(request: AllocationRequest, now: number): Generator<KeyCandidate, void, undefined> {
    const { model } = request;
    const token = this.#parts.leaseTokens.next();
    const last = this.#last;
    const shutOut: PoolKey[] = [];
    let isOffered = false;
    for (const key of this.#inOrder(request, now)) {
      if (this.#access.isShutOut(key, model, now)) {
        shutOut.push(key);
        continue;
      }
      isOffered = true;
      yield this.#candidate(key, request, { token, last }, now);
    }
    if (isOffered) return;
    for (const key of shutOut) yield this.#candidate(key, request, { token, last }, now);
  }

  /** The keys that are neither tried nor limited, in the order of the strategy. */
  *#inOrder(request: AllocationRequest, now: number): Generator<PoolKey, void, undefined> {
    const { model, exclude, affinity } = request;
    const { keys } = this.#parts;
    const excluded = new Set(exclude);
    const isRefused = this.#access.refusing(request, now);
    for (const position of this.#order(poolOf(model), affinity, now)) {
      const key = keys[position];
      if (key === undefined || excluded.has(key.id) || isRefused(key)) continue;
      if (this.#access.limitEnd(key, model, now) === 0) yield key;
    }
  }

  #candidate(
    key: PoolKey,
    { model, affinity }: AllocationRequest,
    { token, last }: { readonly token: string; readonly last: number },
    now: number,
  ): KeyCandidate {
    this.#last = key.position; // before it is taken: the next request may choose while the store answers
    const generation = this.#parts.records.of(key, now).generation;
    const isFree = poolOf(model) === 'free';
    return {
      key,
      keyId: key.id,
      leaseId: leaseIdOf(key.id, generation, token),
      slots: this.#slots(key, isFree, now),
      windows: isFree ? this.#windows(key, now) : [],
      rule: this.#rule(key.position === last, affinity),
    };
  }

  /** What put a key where it stood among the candidates. */
  #rule(isLast: boolean, affinity: string | null): string {
    const { strategy, same, affinity: isWanted } = this.#parts.selection;
    if (isWanted && affinity !== null) return 'affinity';
    return same && isLast ? 'same' : strategy;
  }

  #order(pool: RequestPool, affinity: string | null, now: number): Iterable<number> {
    const { eligibility, loadOrders, selection, random } = this.#parts;
    const eligible = eligibility.of(pool, now);
    const byLoad = loadOrders[pool];
    if (this.#ordered.get(pool) !== eligible) byLoad.keep(eligible.usable);
    this.#ordered.set(pool, eligible);
    if (selection.affinity && affinity !== null) return this.#nearest(affinity, pool, now);
    return ranked(selection, { usable: eligible.usable, last: this.#last, byLoad, random });
  }

  /** The usable keys, those of the conversation's account first. */
  *#nearest(affinity: string, pool: RequestPool, now: number): Generator<number, void, undefined> {
    const { records, eligibility } = this.#parts;
    const version = records.accountsVersion;
    if (this.#ring?.version !== version) {
      this.#ring = { version, ring: new AccountRing(records.accounts().keys()) };
    }
    for (const account of this.#ring.ring.from(affinity)) {
      for (const key of records.accounts().get(account) ?? []) {
        if (eligibility.blockedUntil(key, pool, now) === 0) yield key.position;
      }
    }
  }

  /** The key's own slot comes first: it counts the leases of the key. */
  #slots(key: PoolKey, isFree: boolean, now: number): Slot[] {
    const { records } = this.#parts;
    const slots: Slot[] = [{ id: key.id, limit: key.maxConcurrency }];
    const { state } = records.of(key, now);
    if (state.kind === 'returning') {
      slots.push({ id: `probe/${key.id}`, limit: state.allowance, untilConfirmed: true });
    }
    if (isFree) slots.push({ id: freeSlot(records.accountOf(key)), limit: null });
    return slots;
  }

  #windows(key: PoolKey, now: number): Window[] {
    const { records, allowances } = this.#parts;
    const account = records.accountOf(key);
    return windowsAt(account, allowances.of(account), now);
  }

  /** An account whose window is full drops out of the choice until the window ends. */
  #noteFull({ id, startsAt, endsAt }: Window, now: number): void {
    if (startsAt > now) return;
    const { limits, listener, records } = this.#parts;
    const account = id.slice(0, id.lastIndexOf('/'));
    const subject: Subject = { scope: 'account', account, pool: 'free' };
    const end = { until: endsAt, source: 'window' } as const;
    const cause = { reason: 'free_requests_used', detail: '' };
    const limit = limits.limit({ kind: 'limit', subject, end }, cause, now);
    if (limit !== undefined) listener.onLimit(limit, records.keysConcernedBy(subject));
  }
}
