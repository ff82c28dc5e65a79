import { readRecord, type KeyRecord } from '../../../keys/key-record.ts';
import { restored } from '../../../keys/key-state.ts';
import { isOfMachine } from '../../shared-records.ts';
import { StateUnavailable, type StateStore, type StateWatcher } from '../../state-store.ts';
import type { KeySpace } from '../connection/key-space.ts';
import type { LinkSnapshot } from '../connection/link.ts';
import type { Run } from '../connection/script.ts';
import type { AccountMarks } from './account-marks.ts';
import { Cells } from './cells.ts';
import {
  isCommandLost,
  keyCell,
  keyOfCell,
  mergeCells,
  sharedCell,
  sharedOfCell,
} from './pool-cells.ts';

/** Rows of this machine's own in the local store. Files of earlier versions have them under these names. */
const DIRTY = 'untold ';
const EPOCH = 'epoch of redis';

/** The rows of the local store at the start. */
export interface LocalRows {
  readonly shared: ReadonlyMap<string, string>;
  readonly records: ReadonlyMap<string, KeyRecord>;
}

/** Options of RedisRecords. */
export interface RedisRecordsOptions {
  readonly keys: KeySpace;
  readonly machine: { readonly id: string };
  readonly run: Run;
  /** The epoch of the state in Redis. */
  readonly epoch: () => string;
  /** Keeps a copy of every record on this machine. */
  readonly local: StateStore;
  readonly rows: LocalRows;
  /** The keys of this machine at its start. */
  readonly keyIds: readonly string[];
  readonly marks: () => AccountMarks;
  readonly now: () => number;
  /** The local copy of a change could not be saved. */
  readonly onLocalFailure: (error: unknown) => void;
}

type Records = Pick<StateStore, 'load' | 'save' | 'loadShared' | 'saveShared' | 'watch'>;

/** The records of keys and of what keys share: in Redis, and copied to the local store for outages. */
export class RedisRecords implements Records {
  readonly #options: RedisRecordsOptions;
  readonly #cells: Cells;
  /** Cells that Redis has not received. The local store remembers them across restarts. */
  readonly #dirty = new Set<string>();
  #keyIds: ReadonlySet<string>;
  #epoch: string;
  #watcher: StateWatcher | undefined;

  constructor(options: RedisRecordsOptions) {
    const { keys, machine, run, epoch, rows, keyIds } = options;
    this.#options = options;
    this.#keyIds = new Set(keyIds);
    this.#epoch = rows.shared.get(EPOCH) ?? '';
    this.#cells = new Cells({
      ...{ keys, machine: machine.id, run, epoch, merge: mergeCells, isLost: isCommandLost },
      onChange: (name, text) => this.#changed(name, text),
    });
    this.#restore(rows);
  }

  /** The epoch of the last synchronized state; '' if there was none. */
  get knownEpoch(): string {
    return this.#epoch;
  }

  /** The keys of this machine. */
  get keyIds(): ReadonlySet<string> {
    return this.#keyIds;
  }

  get watcher(): StateWatcher | undefined {
    return this.#watcher;
  }

  watch(watcher: StateWatcher): void {
    this.#watcher = watcher;
  }

  async load(keyIds: readonly string[], now: number): Promise<Map<string, KeyRecord>> {
    this.#keyIds = new Set(keyIds);
    const rows = await this.#options.local.load(keyIds, now);
    for (const [keyId, record] of rows) {
      const isUnknown = this.#cells.text(keyCell(keyId)) === '';
      if (isUnknown) this.#cells.restore(keyCell(keyId), JSON.stringify(record), true);
    }
    const known = keyIds.flatMap((keyId) => {
      const record = readRecord(this.#cells.text(keyCell(keyId)));
      return record === undefined ? [] : [[keyId, restored(record, now)] as const];
    });
    return new Map(known);
  }

  save(keyId: string, record: KeyRecord): Promise<void> {
    const saved = this.#options.local.save(keyId, record);
    return this.#write(keyCell(keyId), JSON.stringify(record), saved);
  }

  async loadShared(): Promise<Map<string, string>> {
    const { local, marks } = this.#options;
    const ofPool = this.#cells.all().flatMap(([cell, text]) => {
      if (keyOfCell(cell) !== undefined) return [];
      const shared = sharedOfCell(cell, text, marks());
      return shared === undefined ? [] : [[shared.name, shared.text] as const];
    });
    const ofMachine = [...(await local.loadShared())].filter(([name]) => isOfMachine(name));
    return new Map([...ofPool, ...ofMachine]);
  }

  saveShared(name: string, json: string | null): Promise<void> {
    const { local, marks } = this.#options;
    const saved = local.saveShared(name, json);
    if (isOfMachine(name)) return saved;
    const cell = sharedCell(name, json, marks());
    return this.#write(cell.name, cell.text, saved);
  }

  /** Applies the changes of other machines. Rejects with StateUnavailable. */
  async apply(snapshot: LinkSnapshot, now: number, run: Run): Promise<void> {
    await this.#cells.apply(snapshot, now, run);
  }

  /** Notes that Redis has every cell of this machine. */
  async noteSynchronized(epoch: string): Promise<void> {
    const { local, onLocalFailure } = this.#options;
    const saved = [...this.#dirty].map((name) => local.saveShared(DIRTY + name, null));
    this.#dirty.clear();
    if (epoch !== this.#epoch) saved.push(local.saveShared(EPOCH, epoch));
    this.#epoch = epoch;
    await Promise.all(saved).catch(onLocalFailure);
  }

  /** Restores the cells from the rows of the local store. */
  #restore({ shared, records }: LocalRows): void {
    for (const name of shared.keys()) {
      if (name.startsWith(DIRTY)) this.#dirty.add(name.slice(DIRTY.length));
    }
    const restore = (name: string, text: string) =>
      this.#cells.restore(name, text, this.#dirty.has(name));
    for (const [keyId, record] of records) restore(keyCell(keyId), JSON.stringify(record));
    for (const [name, json] of shared) {
      if (name === EPOCH || name.startsWith(DIRTY) || isOfMachine(name)) continue;
      const cell = sharedCell(name, json, this.#options.marks());
      restore(cell.name, cell.text);
    }
  }

  /** Writes a cell to Redis, or marks it dirty during an outage. Rejects if it is saved nowhere. */
  async #write(name: string, text: string, locally: Promise<void>): Promise<void> {
    const { local, onLocalFailure } = this.#options;
    const [kept, written] = await Promise.allSettled([locally, this.#cells.write(name, text)]);
    if (written.status === 'fulfilled') {
      if (kept.status === 'rejected') onLocalFailure(kept.reason);
      return;
    }
    if (!(written.reason instanceof StateUnavailable)) throw written.reason;
    if (kept.status === 'rejected') throw kept.reason;
    this.#dirty.add(name);
    await local.saveShared(DIRTY + name, '1');
  }

  /** Copies a change of another machine to the local store, and reports it. */
  #changed(name: string, text: string): void {
    const { local, onLocalFailure, now } = this.#options;
    const keyId = keyOfCell(name);
    if (keyId === undefined) {
      this.#sharedChanged(name, text);
      return;
    }
    const record = readRecord(text);
    if (record === undefined) return;
    if (this.#keyIds.has(keyId)) local.save(keyId, record).catch(onLocalFailure);
    this.#watcher?.onRecord(keyId, restored(record, now()));
  }

  #sharedChanged(cell: string, text: string): void {
    const { local, marks, onLocalFailure } = this.#options;
    const shared = sharedOfCell(cell, text, marks());
    if (shared === undefined || isOfMachine(shared.name)) return;
    const json = shared.text === '' ? null : shared.text;
    local.saveShared(shared.name, json).catch(onLocalFailure);
    this.#watcher?.onShared(shared.name, json);
  }
}
