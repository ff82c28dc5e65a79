import type { RedisUrl } from '@openrouter-proxy/config';
import { SECOND_MS } from '@openrouter-proxy/runtime';
import type { LeaseTableOptions } from '../lease-table.ts';
import type { StateStore, StoreStatus } from '../state-store.ts';
import { keySpace, type KeySpace } from './connection/key-space.ts';
import { Link, type LinkSnapshot, type Outage } from './connection/link.ts';
import type { RedisClock } from './connection/redis-clock.ts';
import type { Run } from './connection/script.ts';
import { LeaseCalls } from './leases/lease-calls.ts';
import { outageEffect, type OutagePolicy } from './leases/outage-policy.ts';
import { SharedLeases } from './leases/shared-leases.ts';
import { SharedWindows } from './leases/shared-windows.ts';
import type { AccountMarks } from './records/account-marks.ts';
import { RedisRecords, type LocalRows } from './records/redis-records.ts';

/** The longest that the start waits for Redis. */
const START_TIMEOUT_MS = 2 * SECOND_MS;
/** Leases in Redis expire after three times as long. */
const RENEW_EVERY_MS = 10 * SECOND_MS;

/** Options of the store. */
export interface RedisStoreOptions extends Omit<LeaseTableOptions, 'windows'> {
  readonly url: RedisUrl;
  /** The prefix of every name in Redis. */
  readonly prefix: string;
  readonly policy: OutagePolicy;
  /** The keys of this machine at its start. */
  readonly keyIds: readonly string[];
  /** `id` is a new one at each start. */
  readonly machine: { readonly id: string; readonly name: string };
  /** Keeps copies of the records for outages. It is closed with this store. */
  readonly local: StateStore;
  readonly clock: RedisClock;
  readonly marks: () => AccountMarks;
  /** Called when an outage begins, and with null when it ends. */
  readonly onOutage: (outage: Outage | null) => void;
  /** The local copy of a change could not be saved. */
  readonly onLocalFailure: (error: unknown) => void;
  /** The time for leases, if it is not that of Redis. */
  readonly givenTime?: () => number;
}

/** Opens the store that several machines share. Waits for Redis at most two seconds. */
export async function openRedisStore(options: RedisStoreOptions): Promise<StateStore> {
  const { local, keyIds, clock, givenTime } = options;
  const now = (givenTime ?? (() => clock.now()))();
  const rows = { shared: await local.loadShared(), records: await local.load(keyIds, now) };
  const store = new RedisStore(options, rows);
  await store.reachRedis();
  return store.asStateStore();
}

/** The state that several machines share, and this machine's copy of it. */
class RedisStore {
  readonly #options: RedisStoreOptions;
  readonly #keys: KeySpace;
  readonly #records: RedisRecords;
  readonly #link: Link;
  readonly #windows: SharedWindows;
  readonly #leases: SharedLeases;
  readonly #reached = Promise.withResolvers<undefined>();
  #renewedAt = 0;
  #cursor = '';

  constructor(options: RedisStoreOptions, rows: LocalRows) {
    const { url, prefix, machine, clock, marks, givenTime } = options;
    this.#options = options;
    this.#keys = keySpace(prefix, (account) => marks().markOf(account));
    const shared = { keys: this.#keys, now: () => this.#now() };
    this.#records = new RedisRecords({
      ...{ ...options, ...shared, rows },
      run: (script, values) => this.#link.run(script, values),
      epoch: () => this.#link.epoch,
    });
    this.#link = new Link({
      ...{ url, keys: this.#keys, machine, clock, knownEpoch: this.#records.knownEpoch },
      onSnapshot: (snapshot, run, isAfterOutage) => this.#apply(snapshot, run, isAfterOutage),
      onOutage: (outage) => this.#noteOutage(outage),
    });
    const linked = { ...shared, link: this.#link };
    const calls = new LeaseCalls({ ...linked, givenTime: givenTime ?? (() => '') });
    this.#windows = new SharedWindows(calls);
    this.#leases = new SharedLeases({ ...options, ...linked, calls, windows: this.#windows });
  }

  /** Resolves when Redis is reached, or the start has waited long enough. */
  async reachRedis(): Promise<void> {
    const { clock, onOutage } = this.#options;
    const reached = new AbortController();
    const timeout = clock.sleep(START_TIMEOUT_MS, reached.signal).catch(() => undefined);
    await Promise.race([this.#reached.promise, timeout]);
    reached.abort();
    if (this.#link.outage !== null) onOutage(this.#link.outage);
  }

  asStateStore(): StateStore {
    const [records, leases, windows] = [this.#records, this.#leases, this.#windows];
    return {
      backend: 'redis',
      load: (keyIds, now) => records.load(keyIds, now),
      save: (keyId, record) => records.save(keyId, record),
      loadShared: () => records.loadShared(),
      saveShared: (name, json) => records.saveShared(name, json),
      reserve: (candidates, terms, now) => leases.reserve(candidates, terms, now),
      confirm: (leaseId, now) => leases.confirm(leaseId, now),
      release: (leaseId, keyId, now, unsent) => leases.release(leaseId, keyId, now, unsent),
      adopt: (held, session, now) => leases.adopt(held, session, now),
      shorten: (session, at) => leases.shorten(session, at),
      inFlight: (now) => leases.inFlight(records.keyIds, now),
      used: (asked) => windows.used(asked),
      raise: (window, used) => windows.raise(window, used, this.#link.run),
      snapshot: (window, slotId) => windows.snapshot(window, slotId),
      reconcile: (window, used, snapshot) => windows.reconcile(window, used, snapshot),
      transfer: (from, to) => windows.transfer(from, to),
      watch: (watcher) => records.watch(watcher),
      status: () => this.#status(),
      close: () => this.#close(),
    };
  }

  #now(): number {
    return (this.#options.givenTime ?? (() => this.#options.clock.now()))();
  }

  async #apply(snapshot: LinkSnapshot, run: Run, isAfterOutage: boolean): Promise<void> {
    const now = this.#now();
    await this.#records.apply(snapshot, now, run);
    if (isAfterOutage) {
      await this.#leases.resynchronize(run);
      await this.#windows.resynchronize(now, run);
      await this.#records.noteSynchronized(snapshot.epoch);
    } else if (performance.now() - this.#renewedAt >= RENEW_EVERY_MS) {
      this.#renewedAt = performance.now();
      await this.#leases.renew(run);
    }
    this.#noteCursor(snapshot.cursor);
  }

  /** Continues the rotation after a key that another machine has leased. */
  #noteCursor(slot: string): void {
    if (slot === '' || slot === this.#cursor) return;
    this.#cursor = slot;
    const keyId = this.#keys.slotId(slot);
    if (keyId !== this.#leases.lastLeased) this.#records.watcher?.onLeased(keyId);
  }

  #noteOutage(outage: Outage | null): void {
    if (outage === null) this.#reached.resolve(undefined);
    this.#options.onOutage(outage);
  }

  #status(): StoreStatus {
    const { outage, machines } = this.#link;
    if (outage === null) return { trouble: null, machines };
    const effect = outageEffect(this.#options.policy, performance.now() - outage.since);
    return { trouble: `${outage.reason}: ${effect}`, machines };
  }

  async #close(): Promise<void> {
    await this.#link.close();
    await this.#options.local.close();
  }
}
