import {
  KmsError,
  type KeyView,
  type Lease,
  type NoKeyData,
  type Outcome,
  type Result,
} from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import { refusalOf, type Availability } from './availability.ts';
import type { KeyRecords, PoolKey } from './key-records.ts';
import type { KeyCommand } from './key-state.ts';
import { leaseIdOf, readLeaseId, type LeaseTokens } from './lease-id.ts';
import type { LoadOrder } from './load-order.ts';
import { nearestKeyId } from './nearest-key.ts';
import { ranked, type Selection } from './selection.ts';
import type { Candidate, StateStore } from './state-store.ts';

/** What the pool is made of. */
export interface KeyPoolOptions {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly store: StateStore;
  readonly selection: Selection;
  /** The keys by their number of leases, which the store's owner keeps up to date. */
  readonly loadOrder: LoadOrder;
  readonly leaseTokens: LeaseTokens;
  readonly leaseTtlMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** The state of the pool in figures. */
export type PoolStatus = Pick<
  Result<'service.status'>,
  'keys' | 'nextAvailableAt' | 'leasesInFlight' | 'store'
>;

/** Gives out the keys, takes in what came of them, and tells how they are. */
export class KeyPool {
  readonly #options: KeyPoolOptions;
  readonly #byId: ReadonlyMap<string, PoolKey>;
  /** The position of the key that was offered last. */
  #last = -1;
  /** What the load order was last brought in line with. */
  #ordered: Availability | undefined;

  constructor(options: KeyPoolOptions) {
    this.#options = options;
    this.#byId = new Map(options.keys.map((key) => [key.id, key]));
  }

  /** Lends a key for a request of a session. Fails with NO_KEY_AVAILABLE. */
  async acquire(session: number, exclude: readonly string[] = []): Promise<Lease> {
    const now = this.#options.clock.now();
    const expiresAt = now + this.#options.leaseTtlMs;
    const excluded = new Set(exclude);
    const candidates = this.#candidates(now, excluded);
    const taken = await this.#options.store.reserve(candidates, { session, expiresAt }, now);
    if (taken === null) throw noKey(this.#refusal(now, excluded), now);
    const { key, leaseId } = taken;
    return { leaseId, keyId: key.id, keyName: key.name, secret: key.secret.reveal(), expiresAt };
  }

  /** Ends a lease and takes in what came of it; not `applied` if it was reported before, or never given. */
  async report(leaseId: string, outcome: Outcome): Promise<Result<'lease.report'>> {
    const { keyId, generation } = readLeaseId(leaseId);
    const key = this.#byId.get(keyId);
    if (key === undefined) return { applied: false };
    const { store, records, clock } = this.#options;
    const applied = await store.release(leaseId, keyId, clock.now());
    if (applied) await records.report(key, outcome, generation);
    return { applied };
  }

  /** Does what an operator says, and shows what came of it. Fails with UNKNOWN_KEY, STORE_FAILED. */
  async command(keyId: string, command: KeyCommand): Promise<KeyView> {
    await this.#options.records.command(this.#find(keyId), command);
    return this.get(keyId);
  }

  /** One key. Fails with UNKNOWN_KEY. */
  async get(keyId: string): Promise<KeyView> {
    const key = this.#find(keyId);
    const now = this.#options.clock.now();
    return this.#view(key, await this.#options.store.inFlight(now), now);
  }

  /** Every key, in the configuration's order. */
  async list(): Promise<KeyView[]> {
    const now = this.#options.clock.now();
    const inFlight = await this.#options.store.inFlight(now);
    return this.#options.keys.map((key) => this.#view(key, inFlight, now));
  }

  /** How the pool and its store are. Tries to save what could not be saved before. */
  async status(): Promise<PoolStatus> {
    const { store, records, clock } = this.#options;
    const healthy = await records.retrySaves();
    const now = clock.now();
    const inFlight = await store.inFlight(now);
    const { usable, cooling, disabled, nextReturn } = records.availability(now);
    return {
      keys: { available: usable.length, cooling, disabled },
      nextAvailableAt: nextReturn,
      leasesInFlight: inFlight.values().reduce((sum, count) => sum + count, 0),
      store: { backend: store.backend, healthy },
    };
  }

  *#candidates(
    now: number,
    excluded: ReadonlySet<string>,
  ): Generator<Candidate & { key: PoolKey }, void, undefined> {
    const { keys, records, selection, leaseTokens, loadOrder, random } = this.#options;
    const availability = records.availability(now);
    if (availability !== this.#ordered) loadOrder.keep(availability.usable);
    this.#ordered = availability;
    const token = leaseTokens.next();
    const choice = { usable: availability.usable, last: this.#last, byLoad: loadOrder, random };
    for (const position of ranked(selection, choice)) {
      const key = keys[position];
      if (key === undefined || excluded.has(key.id)) continue;
      this.#last = position; // before it is taken: the next request may choose while the store answers
      const leaseId = leaseIdOf(key.id, records.of(key, now).generation, token);
      yield { key, keyId: key.id, leaseId, maxConcurrency: key.maxConcurrency };
    }
  }

  #refusal(now: number, excluded: ReadonlySet<string>): NoKeyData {
    const { keys, records } = this.#options;
    const untried = keys
      .values()
      .filter(({ id }) => !excluded.has(id))
      .map((key) => records.of(key, now).state);
    const hasTried = excluded.keys().some((id) => this.#byId.has(id));
    return refusalOf(records.availability(now), { untried, hasTried }, now);
  }

  #find(keyId: string): PoolKey {
    const key = this.#byId.get(keyId);
    if (key !== undefined) return key;
    const nearest = nearestKeyId(keyId, this.#byId.keys());
    throw new KmsError('UNKNOWN_KEY', `There is no key ${keyId}: list the keys to see their ids.`, {
      data: { nearest },
    });
  }

  #view(key: PoolKey, inFlight: ReadonlyMap<string, number>, now: number): KeyView {
    return {
      keyId: key.id,
      name: key.name,
      state: this.#options.records.of(key, now).state,
      inFlight: inFlight.get(key.id) ?? 0,
      maxConcurrency: key.maxConcurrency,
    };
  }
}

const REFUSALS: Record<NoKeyData['reason'], string> = {
  no_keys: 'No key is configured: add one to openrouter.keys.',
  busy: 'Every key that can serve has as many requests under way as it may.',
  cooling: 'Every key is cooling down.',
  disabled: 'Every key is disabled: enable one, or add another.',
  exhausted: 'Every key that could serve this request has been tried.',
};

function noKey(data: NoKeyData, now: number): KmsError<'NO_KEY_AVAILABLE'> {
  const { reason, retryAfterMs } = data;
  const when =
    retryAfterMs === null ? '' : ` Try again at ${new Date(now + retryAfterMs).toISOString()}.`;
  return new KmsError('NO_KEY_AVAILABLE', REFUSALS[reason] + when, { data });
}
