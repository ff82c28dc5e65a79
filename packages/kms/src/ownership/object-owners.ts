import type { ObjectCursor, ObjectKind } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import type { ObjectFile } from './object-file.ts';
import { LIFETIME_MS, mergedPage, type ObjectRecord } from './object-record.ts';
import type { SharedObjects } from './shared-objects.ts';

/** How often buffered owners are written, and expired ones deleted. */
const WRITE_EVERY_MS = 1_000;
const TRIM_EVERY_MS = 600_000;
/** Buffered owners that are written at once. More are dropped while nothing can be written. */
const MAX_BUFFERED = 20_000;
/** Owners in one message to Redis. */
const SHARED_AT_ONCE = 200;

/** Receives failures that no caller waits for. */
export interface ObjectOwnersListener {
  /** Owners cannot be shared with other machines (true), or can be again (false). */
  onUnshared(isUnshared: boolean, error?: unknown): void;
  onNotKept(error: unknown): void;
}

/** What the owners of objects work with. */
export interface ObjectOwnersDeps {
  readonly file: ObjectFile;
  /** Null: this machine is alone. */
  readonly shared: SharedObjects | null;
  readonly clock: Clock;
  readonly listener: ObjectOwnersListener;
}

/** An object whose owner is to be remembered. */
export type NewObject = Omit<ObjectRecord, 'createdAt' | 'expiresAt'>;

/** The owner of an object. */
export interface FoundObject {
  readonly record: ObjectRecord | undefined;
  /** False: another machine may know the owner, and cannot be asked. */
  readonly isCertain: boolean;
}

/** Remembers the owners of objects at OpenRouter, on this machine and in Redis. */
export class ObjectOwners implements AsyncDisposable {
  readonly #deps: ObjectOwnersDeps;
  readonly #timer: NodeJS.Timeout;
  #buffer: ObjectRecord[] = [];
  #trimmedAt = -Infinity;
  #isUnshared = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(deps: ObjectOwnersDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => void this.write(), WRITE_EVERY_MS).unref();
  }

  /**
   * Remembers owners. When this resolves they are durable on this machine, or in memory if its disk fails,
   * and other machines know them if Redis can be reached.
   */
  async remember(objects: readonly NewObject[]): Promise<void> {
    const { file, shared, listener } = this.#deps;
    const records = objects.map((object) => this.#record(object));
    try {
      file.add(records, shared === null);
    } catch (error) {
      listener.onNotKept(error);
      this.#buffer.push(...records);
    }
    await this.#share(records);
  }

  /** Remembers an owner within a second. */
  rememberSoon(object: NewObject): void {
    if (this.#buffer.length < MAX_BUFFERED) this.#buffer.push(this.#record(object));
  }

  async find(kind: ObjectKind, id: string): Promise<FoundObject> {
    const { file, shared, clock } = this.#deps;
    const buffered = this.#buffer.find((record) => record.kind === kind && record.id === id);
    const record = buffered ?? file.find(kind, id, clock.now());
    if (record !== undefined || shared === null) return { record, isCertain: true };
    try {
      return { record: await shared.find(kind, id), isCertain: true };
    } catch (error) {
      this.#noteUnshared(error);
      return { record: undefined, isCertain: false };
    }
  }

  /** The objects of a client after a cursor (null: from the start), the latest first. */
  async list(
    of: { readonly kind: ObjectKind; readonly client: string },
    after: ObjectCursor | null,
    limit: number,
  ): Promise<{ readonly records: ObjectRecord[]; readonly isCertain: boolean }> {
    const { file, shared, clock } = this.#deps;
    const own = file.list(of, after, limit, clock.now());
    if (shared === null) return { records: own, isCertain: true };
    try {
      const records = mergedPage(own, await shared.list(of, after, limit), limit);
      return { records, isCertain: true };
    } catch (error) {
      this.#noteUnshared(error);
      return { records: own, isCertain: false };
    }
  }

  /** Forgets an object that was deleted. */
  async forget(kind: ObjectKind, id: string): Promise<void> {
    const { file, shared } = this.#deps;
    const { record } = await this.find(kind, id);
    file.forget(kind, id);
    if (record === undefined) return;
    await shared?.forget(record).catch((error: unknown) => this.#noteUnshared(error));
  }

  /** Writes what is buffered, tells other machines what they do not know, deletes what has expired. Never rejects. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeOnce());
    return this.#writing;
  }

  /** Writes the rest, and closes the file and the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
    this.#deps.file.close();
    this.#deps.shared?.close();
  }

  async #writeOnce(): Promise<void> {
    const { file, shared, clock, listener } = this.#deps;
    const records = this.#buffer;
    try {
      if (records.length > 0) file.add(records, shared === null);
      this.#buffer = this.#buffer.slice(records.length);
      const now = clock.now();
      if (now - this.#trimmedAt >= TRIM_EVERY_MS) {
        this.#trimmedAt = now;
        file.trim(now);
      }
      if (shared === null) return;
      for (;;) {
        const some = file.unshared(SHARED_AT_ONCE);
        if (some.length === 0 || !(await this.#share(some)) || some.length < SHARED_AT_ONCE) return;
      }
    } catch (error) {
      listener.onNotKept(error);
    }
  }

  /** Tells other machines of owners; whether they know them. */
  async #share(records: readonly ObjectRecord[]): Promise<boolean> {
    const { file, shared, clock, listener } = this.#deps;
    if (shared === null || records.length === 0) return true;
    try {
      await shared.keep(records, clock.now());
    } catch (error) {
      this.#noteUnshared(error);
      return false;
    }
    file.markShared(records);
    if (this.#isUnshared) listener.onUnshared(false);
    this.#isUnshared = false;
    return true;
  }

  #noteUnshared(error: unknown): void {
    if (!this.#isUnshared) this.#deps.listener.onUnshared(true, error);
    this.#isUnshared = true;
  }

  #record(object: NewObject): ObjectRecord {
    const createdAt = this.#deps.clock.now();
    return { ...object, createdAt, expiresAt: createdAt + LIFETIME_MS[object.kind] };
  }
}
