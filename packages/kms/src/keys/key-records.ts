import { keyIdOf } from '@openrouter-proxy/config';
import { KmsError, type KeyState } from '@openrouter-proxy/kms-protocol';
import type { Clock, Secret } from '@openrouter-proxy/runtime';
import { availabilityOf, type Availability } from './availability.ts';
import type { CooldownPolicy } from '../limits/cooldown.ts';
import { newRecord, type KeyRecord, type KeyRecordStore } from './key-record.ts';
import { settled, transition, type KeyCommand, type KeyEvent } from './key-state.ts';
import type { Subject } from '../limits/limit.ts';

/** A key of the configuration. */
export interface ConfiguredKey {
  readonly secret: Secret;
  readonly name: string;
  /** The configured account; null if none is configured. */
  readonly account: string | null;
  /** The most leases at once; null without a limit. */
  readonly maxConcurrency: number | null;
}

/** A key of the pool. */
export interface PoolKey extends ConfiguredKey {
  readonly id: string;
  /** Its index in the configuration. */
  readonly position: number;
}

/** Adds ids and positions to the configured keys. */
export function poolKeys(configured: readonly ConfiguredKey[]): PoolKey[] {
  return configured.map((key, position) => ({
    ...key,
    position,
    id: keyIdOf(key.secret),
  }));
}

/** Receives changes of records. */
export interface RecordsListener {
  /** The state of a key has changed, by an event or at the end of a cooldown. */
  onChange(key: PoolKey, before: KeyState, after: KeyState): void;
  /** The store cannot be written any more. */
  onStoreFailed(error: unknown): void;
  /** The store can be written again, and every record is saved. */
  onStoreRecovered(): void;
}

/** Options of KeyRecords. */
export interface KeyRecordsOptions {
  readonly keys: readonly PoolKey[];
  readonly store: KeyRecordStore;
  readonly clock: Clock;
  readonly policy: CooldownPolicy;
  readonly listener: RecordsListener;
}

/**
 * The records of the keys. A reported outcome counts at once, saved or not, since the upstream does
 * not repeat it. A command counts only once it is saved.
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
  /** Keys whose record could not be saved. */
  readonly #unsaved = new Set<PoolKey>();
  #storeIsHealthy = true;
  #keysById: ReadonlyMap<string, PoolKey> | undefined;

  private constructor(options: KeyRecordsOptions, records: KeyRecord[]) {
    this.#options = options;
    this.#records = records;
  }

  /** Loads the records of these keys. Records in `before` are newer than those of the store. */
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

  /** Keeps the list of unsaved records. */
  #takeOver(before: KeyRecords): void {
    const unsaved = new Set([...before.#unsaved].map(({ id }) => id));
    for (const key of this.#options.keys) if (unsaved.has(key.id)) this.#unsaved.add(key);
    this.#storeIsHealthy = before.#storeIsHealthy;
  }

  /** Grows with every change of a record. */
  get version(): number {
    return this.#version;
  }

  /** Ends the cooldowns that are over at `now`. */
  settle(now: number): void {
    this.availability(now);
  }

  /** The account of a key: as configured, else as learned, else the key's own name. */
  accountOf(key: PoolKey): string {
    return key.account ?? this.#at(key).traits.account ?? key.name;
  }

  /** Grows whenever a key moves to another account. */
  get accountsVersion(): number {
    return this.#accountsVersion;
  }

  /** The keys of each account, in the configuration's order. */
  accounts(): ReadonlyMap<string, readonly PoolKey[]> {
    return (this.#accounts ??= Map.groupBy(this.#options.keys, (key) => this.accountOf(key)));
  }

  /**
   * The keys that a limit concerns: those of an account, or one key. Empty if it concerns every
   * key.
   */
  keysConcernedBy(subject: Subject): readonly PoolKey[] {
    if ('account' in subject) return this.accounts().get(subject.account) ?? [];
    const key = 'keyId' in subject ? this.#keyNamed(subject.keyId) : undefined;
    return key === undefined ? [] : [key];
  }

  /** The record of a key at `now`. */
  of(key: PoolKey, now: number): KeyRecord {
    this.availability(now);
    return this.#at(key);
  }

  /** The usable keys at `now`. Returns the same object until that changes. */
  availability(now: number): Availability {
    const known = this.#availability;
    const isCurrent = now >= this.#computedAt && now < (known?.nextReturn ?? Infinity);
    if (known !== undefined && isCurrent) return known;
    for (const key of this.#options.keys) this.#set(key, settled(this.#at(key), now));
    this.#computedAt = now;
    return (this.#availability = availabilityOf(this.#records.map(({ state }) => state)));
  }

  /** Applies an event. Resolves when the record is saved, or could not be. */
  async take(key: PoolKey, event: Exclude<KeyEvent, KeyCommand>): Promise<void> {
    const now = this.#options.clock.now();
    const before = this.of(key, now);
    const after = transition(before, event, now, this.#options.policy);
    if (after === before) return;
    this.#set(key, after);
    if ((await this.#save(key)) && !this.#storeIsHealthy) await this.retrySaves();
  }

  /** Adopts a record that another machine has changed. */
  adopt(keyId: string, record: KeyRecord): void {
    const key = this.#keyNamed(keyId);
    if (key === undefined) return;
    this.settle(this.#options.clock.now());
    this.#unsaved.delete(key);
    this.#set(key, record);
  }

  /** Carries out an operator's command. Fails with STORE_FAILED, and then changes nothing. */
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
      if (this.#at(key) !== before) continue; // a report came in between: the command is applied to its result
      this.#set(key, after);
      if (!this.#storeIsHealthy) await this.retrySaves();
      return;
    }
  }

  /** Retries failed saves. Returns whether every record is saved. */
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
