import { keyIdOf } from '@openrouter-proxy/config';
import { KmsError, type KeyState } from '@openrouter-proxy/kms-protocol';
import type { Clock, Secret } from '@openrouter-proxy/runtime';
import { availabilityOf, type Availability } from './availability.ts';
import type { CooldownPolicy } from '../limits/cooldown.ts';
import { newRecord, type KeyRecord, type KeyRecordStore } from './key-record.ts';
import { settled, transition, type KeyCommand, type KeyEvent } from './key-state.ts';
import type { Subject } from '../limits/limit.ts';

/** A key as the configuration has it. */
export interface ConfiguredKey {
  readonly secret: Secret;
  readonly name: string;
  /** The account it is said to belong to; null: not said. */
  readonly account: string | null;
  /** The most leases it may have at once; null: any number. */
  readonly maxConcurrency: number | null;
}

/** A key of the pool. */
export interface PoolKey extends ConfiguredKey {
  readonly id: string;
  /** Its place in the configuration. */
  readonly position: number;
}

/** Gives the configured keys their ids and places. */
export function poolKeys(configured: readonly ConfiguredKey[]): PoolKey[] {
  return configured.map((key, position) => ({
    ...key,
    position,
    id: keyIdOf(key.secret),
  }));
}

/** What the records have to tell. */
export interface RecordsListener {
  /** The key's state is another one now, by an event or because a cooldown has ended. */
  onChange(key: PoolKey, before: KeyState, after: KeyState): void;
  /** The store could not be written, though it could be before. */
  onStoreFailed(error: unknown): void;
  /** The store can be written again, and nothing is left unsaved. */
  onStoreRecovered(): void;
}

/** What the records are made of. */
export interface KeyRecordsOptions {
  readonly keys: readonly PoolKey[];
  readonly store: KeyRecordStore;
  readonly clock: Clock;
  readonly policy: CooldownPolicy;
  readonly listener: RecordsListener;
}

/**
 * What is known of each key, and its safe keeping. What an outcome tells counts at once, saved or
 * not, since the upstream will not say it again; a command counts only once it is saved.
 */
export class KeyRecords {
  readonly #options: KeyRecordsOptions;
  /** By position. */
  readonly #records: KeyRecord[];
  #availability: Availability | undefined;
  #computedAt = 0;
  #version = 0;
  #accountsVersion = 0;
  #accounts: ReadonlyMap<string, readonly PoolKey[]> | undefined;
  /** The keys whose record the store could not take. */
  readonly #unsaved = new Set<PoolKey>();
  #storeIsHealthy = true;
  #keysById: ReadonlyMap<string, PoolKey> | undefined;

  private constructor(options: KeyRecordsOptions, records: KeyRecord[]) {
    this.#options = options;
    this.#records = records;
  }

  /** Reads what the store has of these keys; what was known `before` of one of them is newer. */
  static async load(options: KeyRecordsOptions, before?: KeyRecords): Promise<KeyRecords> {
    const now = options.clock.now();
    const ids = options.keys.map(({ id }) => id);
    const known = await options.store.load(ids, now);
    const newer = before === undefined ? new Map<string, KeyRecord>() : before.#byId();
    const records = ids.map((id) => newer.get(id) ?? known.get(id) ?? newRecord(now));
    const loaded = new KeyRecords(options, records);
    if (before !== undefined) loaded.#takeOver(before);
    return loaded;
  }

  #byId(): Map<string, KeyRecord> {
    return new Map(this.#options.keys.map((key) => [key.id, this.#at(key)]));
  }

  /** What the store could not take is still to be saved. */
  #takeOver(before: KeyRecords): void {
    const unsaved = new Set([...before.#unsaved].map(({ id }) => id));
    for (const key of this.#options.keys) if (unsaved.has(key.id)) this.#unsaved.add(key);
    this.#storeIsHealthy = before.#storeIsHealthy;
  }

  /** Grows whenever a key's state, or what is known of it, changes. */
  get version(): number {
    return this.#version;
  }

  /** Ends what has ended by `now`. */
  settle(now: number): void {
    this.availability(now);
  }

  /** The account of a key: as configured, as learnt, or one of its own. */
  accountOf(key: PoolKey): string {
    return key.account ?? this.#at(key).traits.account ?? key.name;
  }

  /** Grows whenever a key turns out to belong to another account. */
  get accountsVersion(): number {
    return this.#accountsVersion;
  }

  /** The keys of each account, in the configuration's order. */
  accounts(): ReadonlyMap<string, readonly PoolKey[]> {
    return (this.#accounts ??= Map.groupBy(this.#options.keys, (key) => this.accountOf(key)));
  }

  /** The keys that a limit is about: of an account, or one; none if it is about every key. */
  keysConcernedBy(subject: Subject): readonly PoolKey[] {
    if ('account' in subject) return this.accounts().get(subject.account) ?? [];
    const key = 'keyId' in subject ? this.#keyNamed(subject.keyId) : undefined;
    return key === undefined ? [] : [key];
  }

  /** The record of a key as it stands at `now`. */
  of(key: PoolKey, now: number): KeyRecord {
    this.availability(now);
    return this.#at(key);
  }

  /** Which keys can serve at `now`. The same object for as long as that has not changed. */
  availability(now: number): Availability {
    const known = this.#availability;
    const isCurrent = now >= this.#computedAt && now < (known?.nextReturn ?? Infinity);
    if (known !== undefined && isCurrent) return known;
    for (const key of this.#options.keys) this.#set(key, settled(this.#at(key), now));
    this.#computedAt = now;
    return (this.#availability = availabilityOf(this.#records.map(({ state }) => state)));
  }

  /** Takes in what has happened to a key. Resolves when it is saved, or could not be. */
  async take(key: PoolKey, event: Exclude<KeyEvent, KeyCommand>): Promise<void> {
    const now = this.#options.clock.now();
    const before = this.of(key, now);
    const after = transition(before, event, now, this.#options.policy);
    if (after === before) return;
    this.#set(key, after);
    if ((await this.#save(key)) && !this.#storeIsHealthy) await this.retrySaves();
  }

  /** Takes over what another machine that shares the state has come to know of a key. */
  adopt(keyId: string, record: KeyRecord): void {
    const key = this.#keyNamed(keyId);
    if (key === undefined) return;
    this.settle(this.#options.clock.now());
    this.#unsaved.delete(key);
    this.#set(key, record);
  }

  /** Does what an operator says. Fails with STORE_FAILED, having changed nothing. */
  async command(key: PoolKey, command: KeyCommand): Promise<void> {
    for (;;) {
      const now = this.#options.clock.now();
      const before = this.of(key, now);
      const after = transition(before, command, now, this.#options.policy);
      try {
        await this.#options.store.save(key.id, after);
      } catch (error) {
        this.#saveFailed(key, error);
        throw new KmsError('STORE_FAILED', NOTHING_CHANGED, { cause: error });
      }
      if (this.#at(key) !== before) continue; // a report came in between: the command goes on top of it
      this.#set(key, after);
      if (!this.#storeIsHealthy) await this.retrySaves();
      return;
    }
  }

  /** Saves what could not be saved before. Tells whether the store has everything now. */
  async retrySaves(): Promise<boolean> {
    const keys = [...this.#unsaved];
    this.#unsaved.clear();
    await Promise.all(keys.map((key) => this.#save(key)));
    if (!this.#storeIsHealthy && this.#unsaved.size === 0) {
      this.#storeIsHealthy = true;
      this.#options.listener.onStoreRecovered();
    }
    return this.#storeIsHealthy;
  }

  async #save(key: PoolKey): Promise<boolean> {
    try {
      await this.#options.store.save(key.id, this.#at(key));
      return true;
    } catch (error) {
      this.#saveFailed(key, error);
      return false;
    }
  }

  #saveFailed(key: PoolKey, error: unknown): void {
    this.#unsaved.add(key);
    if (!this.#storeIsHealthy) return;
    this.#storeIsHealthy = false;
    this.#options.listener.onStoreFailed(error);
  }

  #set(key: PoolKey, record: KeyRecord): void {
    const before = this.#at(key);
    this.#records[key.position] = record;
    if (before !== record) this.#version += 1;
    if (before.traits.account !== record.traits.account) {
      this.#accountsVersion += 1;
      this.#accounts = undefined;
    }
    if (before.state === record.state) return;
    this.#availability = undefined;
    this.#options.listener.onChange(key, before.state, record.state);
  }

  #keyNamed(keyId: string): PoolKey | undefined {
    this.#keysById ??= new Map(this.#options.keys.map((each) => [each.id, each]));
    return this.#keysById.get(keyId);
  }

  #at({ id, position }: PoolKey): KeyRecord {
    const record = this.#records[position];
    if (record === undefined) throw new RangeError(`there is no record of key ${id}`);
    return record;
  }
}

const NOTHING_CHANGED =
  'The state could not be saved, so nothing was changed. Look for a full disk or a read-only state folder, then try again.';
