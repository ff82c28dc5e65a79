import type { RedisUrl } from '@openrouter-proxy/config';
import { readRecord, type KeyRecord } from '../../keys/key-record.ts';
import { restored } from '../../keys/key-state.ts';
import { isOfMachine } from '../shared-records.ts';
import type { LeaseTableOptions } from '../lease-table.ts';
import {
  StateUnavailable,
  type StateStore,
  type StateWatcher,
  type StoreStatus,
} from '../state-store.ts';
import type { AccountMarks } from './records/account-marks.ts';
import { Cells } from './records/cells.ts';
import { keySpace, type KeySpace } from './connection/key-space.ts';
import { LeaseCalls } from './leases/lease-calls.ts';
import { Link, type LinkSnapshot, type Outage, type Run } from './connection/link.ts';
import { consequenceOf, type OutagePolicy } from './leases/outage-policy.ts';
import {
  isCommandLost,
  keyCell,
  keyOfCell,
  mergeCells,
  sharedCell,
  sharedOfCell,
} from './records/pool-cells.ts';
import type { RedisClock } from './connection/redis-clock.ts';
import { SharedLeases } from './leases/shared-leases.ts';
import { SharedWindows } from './leases/shared-windows.ts';

/** How long the start waits for Redis. */
const START_PATIENCE_MS = 2_000;
/** Leases in Redis last three times as long. */
const RENEW_EVERY_MS = 10_000;

/** Names of this machine's own among what is kept here. */
const UNTOLD = 'untold ';
const EPOCH = 'epoch of redis';

/** What the store is made of. */
export interface RedisStoreOptions extends Omit<LeaseTableOptions, 'windows'> {
  readonly url: RedisUrl;
  /** What the names of everything in Redis begin with. */
  readonly prefix: string;
  readonly policy: OutagePolicy;
  /** The keys of this machine at its start. */
  readonly keyIds: readonly string[];
  /** `id` is another one after each start. */
  readonly machine: { readonly id: string; readonly name: string };
  /** Where records are kept as well, for a time without Redis. It is closed with this store. */
  readonly local: StateStore;
  readonly clock: RedisClock;
  readonly marks: () => AccountMarks;
  /** An outage has begun, or is over (null). */
  readonly onOutage: (outage: Outage | null) => void;
  /** What others have changed could not be kept on this machine. */
  readonly onLocalFailure: (error: unknown) => void;
  /** What time it is for leases, if not Redis' own. */
  readonly givenTime?: () => number;
}

/** Opens the store of several machines; waits for Redis a while. */
export async function openRedisStore(options: RedisStoreOptions): Promise<StateStore> {
  const { local, keyIds, clock, givenTime } = options;
  const now = (givenTime ?? (() => clock.now()))();
  const kept = { shared: await local.loadShared(), records: await local.load(keyIds, now) };
  const store = new RedisStore(options, kept);
  await store.reachRedis();
  return store.asStateStore();
}

/** What was kept on this machine. */
interface Kept {
  readonly shared: ReadonlyMap<string, string>;
  readonly records: ReadonlyMap<string, KeyRecord>;
}

/** The state that several machines share, and this machine's copy of it. */
class RedisStore {
  readonly #options: RedisStoreOptions;
  readonly #keys: KeySpace;
  readonly #cells: Cells;
  readonly #link: Link;
  readonly #windows: SharedWindows;
  readonly #leases: SharedLeases;
  readonly #reached = Promise.withResolvers<undefined>();
  /** The cells that Redis could not be told of, which this machine is to remember. */
  readonly #untold: Set<string>;
  /** The keys of this machine. */
  #keyIds: ReadonlySet<string>;
  #watcher: StateWatcher | undefined;
  #epoch: string;
  #renewedAt = 0;
  #cursor = '';

  constructor(options: RedisStoreOptions, kept: Kept) {
    const { url, prefix, machine, clock, marks, keyIds, givenTime } = options;
    this.#options = options;
    this.#keyIds = new Set(keyIds);
    this.#epoch = kept.shared.get(EPOCH) ?? '';
    this.#keys = keySpace(prefix, (account) => marks().markOf(account));
    this.#cells = new Cells({
      ...{ keys: this.#keys, machine: machine.id, merge: mergeCells, isLost: isCommandLost },
      run: (script, values) => this.#link.run(script, values),
      epoch: () => this.#link.epoch,
      onChange: (name, text) => this.#changed(name, text),
    });
    this.#untold = this.#recall(kept);
    this.#link = new Link({
      ...{ url, keys: this.#keys, machine, clock, knownEpoch: this.#epoch },
      onMeeting: (meeting, run, isAfterOutage) => this.#met(meeting, run, isAfterOutage),
      onOutage: (outage) => this.#noteOutage(outage),
    });
    const now = () => this.#now();
    const shared = { link: this.#link, keys: this.#keys, now };
    const calls = new LeaseCalls({ ...shared, givenTime: givenTime ?? (() => '') });
    this.#windows = new SharedWindows(calls);
    this.#leases = new SharedLeases({ ...options, ...shared, calls, windows: this.#windows });
  }

  /** Resolves when Redis is there, or has not come for a while. */
  async reachRedis(): Promise<void> {
    const { clock, onOutage } = this.#options;
    const patience = new AbortController();
    const tooLong = clock.sleep(START_PATIENCE_MS, patience.signal).catch(() => undefined);
    await Promise.race([this.#reached.promise, tooLong]);
    patience.abort();
    if (this.#link.outage !== null) onOutage(this.#link.outage);
  }

  asStateStore(): StateStore {
    const [leases, windows] = [this.#leases, this.#windows];
    return {
      backend: 'redis',
      load: (keyIds, now) => this.#load(keyIds, now),
      save: (keyId, record) =>
        this.#keep(keyCell(keyId), JSON.stringify(record), this.#options.local.save(keyId, record)),
      loadShared: async () => new Map([...this.#shared(), ...(await this.#ofMachine())]),
      saveShared: (name, json) => {
        const kept = this.#options.local.saveShared(name, json);
        if (isOfMachine(name)) return kept;
        const cell = sharedCell(name, json, this.#options.marks());
        return this.#keep(cell.name, cell.text, kept);
      },
      reserve: (candidates, terms, now) => leases.reserve(candidates, terms, now),
      confirm: (leaseId, now) => leases.confirm(leaseId, now),
      release: (leaseId, keyId, now, unsent) => leases.release(leaseId, keyId, now, unsent),
      adopt: (held, session, now) => leases.adopt(held, session, now),
      shorten: (session, at) => leases.shorten(session, at),
      inFlight: (now) => leases.inFlight(this.#keyIds, now),
      used: (asked) => windows.used(asked),
      raise: (window, used) => windows.raise(window, used, this.#link.run),
      snapshot: (window, slotId) => windows.snapshot(window, slotId),
      reconcile: (window, used, snapshot) => windows.reconcile(window, used, snapshot),
      transfer: (from, to) => windows.transfer(from, to),
      watch: (watcher) => (this.#watcher = watcher),
      standing: () => this.#standing(),
      close: () => this.#close(),
    };
  }

  #now(): number {
    return (this.#options.givenTime ?? (() => this.#options.clock.now()))();
  }

  /** Takes in what was kept; the names of the cells that Redis was never told of. */
  #recall({ shared, records }: Kept): Set<string> {
    const untold = new Set<string>();
    for (const name of shared.keys()) {
      if (name.startsWith(UNTOLD)) untold.add(name.slice(UNTOLD.length));
    }
    const recall = (name: string, text: string) => this.#cells.recall(name, text, untold.has(name));
    for (const [keyId, record] of records) recall(keyCell(keyId), JSON.stringify(record));
    for (const [name, json] of shared) {
      if (name === EPOCH || name.startsWith(UNTOLD) || isOfMachine(name)) continue;
      const cell = sharedCell(name, json, this.#options.marks());
      recall(cell.name, cell.text);
    }
    return untold;
  }

  async #load(keyIds: readonly string[], now: number): Promise<Map<string, KeyRecord>> {
    this.#keyIds = new Set(keyIds);
    const kept = await this.#options.local.load(keyIds, now);
    for (const [keyId, record] of kept) {
      const isUnknown = this.#cells.text(keyCell(keyId)) === '';
      if (isUnknown) this.#cells.recall(keyCell(keyId), JSON.stringify(record), true);
    }
    const known = keyIds.flatMap((keyId) => {
      const record = readRecord(this.#cells.text(keyCell(keyId)));
      return record === undefined ? [] : [[keyId, restored(record, now)] as const];
    });
    return new Map(known);
  }

  #shared(): Map<string, string> {
    const known = this.#cells.all().flatMap(([cell, text]) => {
      if (keyOfCell(cell) !== undefined) return [];
      const shared = sharedOfCell(cell, text, this.#options.marks());
      return shared === undefined ? [] : [[shared.name, shared.text] as const];
    });
    return new Map(known);
  }

  async #ofMachine(): Promise<(readonly [name: string, json: string])[]> {
    const kept = await this.#options.local.loadShared();
    return [...kept].filter(([name]) => isOfMachine(name));
  }

  /** Keeps a cell: in Redis, or here until Redis is back. Rejects if it could be kept nowhere. */
  async #keep(name: string, text: string, locally: Promise<void>): Promise<void> {
    const { local, onLocalFailure } = this.#options;
    const [kept, told] = await Promise.allSettled([locally, this.#cells.write(name, text)]);
    if (told.status === 'fulfilled') {
      if (kept.status === 'rejected') onLocalFailure(kept.reason);
      return;
    }
    if (!(told.reason instanceof StateUnavailable)) throw told.reason;
    if (kept.status === 'rejected') throw kept.reason;
    this.#untold.add(name);
    await local.saveShared(UNTOLD + name, '1');
  }

  /** What others have changed is kept here too, and told. */
  #changed(name: string, text: string): void {
    const { local, marks, onLocalFailure } = this.#options;
    const keyId = keyOfCell(name);
    if (keyId === undefined) {
      const shared = sharedOfCell(name, text, marks());
      if (shared === undefined || isOfMachine(shared.name)) return;
      const json = shared.text === '' ? null : shared.text;
      local.saveShared(shared.name, json).catch(onLocalFailure);
      this.#watcher?.onShared(shared.name, json);
      return;
    }
    const record = readRecord(text);
    if (record === undefined) return;
    if (this.#keyIds.has(keyId)) local.save(keyId, record).catch(onLocalFailure);
    this.#watcher?.onRecord(keyId, restored(record, this.#now()));
  }

  async #met(meeting: LinkSnapshot, run: Run, isAfterOutage: boolean): Promise<void> {
    const now = this.#now();
    await this.#cells.take(meeting, now, run);
    if (isAfterOutage) {
      await this.#leases.makeUp(run);
      await this.#windows.makeUp(now, run);
      await this.#noteTold(meeting.epoch);
    } else if (performance.now() - this.#renewedAt >= RENEW_EVERY_MS) {
      this.#renewedAt = performance.now();
      await this.#leases.renew(run);
    }
    this.#noteCursor(meeting.cursor);
  }

  /** Redis has everything that is known here. */
  async #noteTold(epoch: string): Promise<void> {
    const { local, onLocalFailure } = this.#options;
    const told = [...this.#untold].map((name) => local.saveShared(UNTOLD + name, null));
    this.#untold.clear();
    if (epoch !== this.#epoch) told.push(local.saveShared(EPOCH, epoch));
    this.#epoch = epoch;
    await Promise.all(told).catch(onLocalFailure);
  }

  /** The rotation goes on after the key that another machine has leased. */
  #noteCursor(slot: string): void {
    if (slot === '' || slot === this.#cursor) return;
    this.#cursor = slot;
    const keyId = this.#keys.slotId(slot);
    if (keyId !== this.#leases.lastLeased) this.#watcher?.onLeased(keyId);
  }

  #noteOutage(outage: Outage | null): void {
    if (outage === null) this.#reached.resolve(undefined);
    this.#options.onOutage(outage);
  }

  #standing(): StoreStatus {
    const { outage, machines } = this.#link;
    if (outage === null) return { trouble: null, machines };
    const what = consequenceOf(this.#options.policy, performance.now() - outage.since);
    return { trouble: `${outage.reason}: ${what}`, machines };
  }

  async #close(): Promise<void> {
    await this.#link.close();
    await this.#options.local.close();
  }
}
