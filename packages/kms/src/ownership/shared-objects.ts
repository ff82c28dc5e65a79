import type { RedisUrl } from '@openrouter-proxy/config';
import { objectId, type ObjectCursor, type ObjectKind } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';
import { Connection } from '../store/redis/connection/connection.ts';
import { ScriptArguments, type Script } from '../store/redis/connection/script.ts';
import { wantsNewConnection } from '../store/redis/connection/trouble.ts';
import { isAfter, type ObjectRecord } from './object-record.ts';
import { FORGET_OBJECT, KEEP_OBJECTS, LIST_OBJECTS, READ_OBJECTS } from './object-scripts.ts';

/** Objects that may have been made in one millisecond, and are read again on the next page. */
const SAME_INSTANT = 100;

const kept = z.strictObject({
  keyId: z.string().max(64),
  account: z.string().max(300),
  client: z.string().max(128),
  createdAt: z.int().nonnegative(),
  expiresAt: z.int().nonnegative(),
});
const listed = z.array(z.string());
const texts = z.array(z.string().nullable());

/**
 * Owners of objects that the machines of a pool share in Redis, on a connection of their own. Every
 * method rejects while Redis cannot be reached.
 */
export class SharedObjects {
  readonly #connection: Connection;
  readonly #prefix: string;

  /** `onReady`: Redis can be reached, or can be reached again. */
  constructor(url: RedisUrl, prefix: string, onReady: () => void) {
    this.#prefix = prefix;
    this.#connection = new Connection({ url, onReady });
  }

  async keep(records: readonly ObjectRecord[], now: number): Promise<void> {
    const values = new ScriptArguments().add(now);
    for (const { kind, id, ...record } of records) {
      values.addKey(this.#recordKey(kind, id)).addKey(this.#listKey(kind, record.client));
      values.add(JSON.stringify(record), record.expiresAt, record.createdAt, id);
    }
    await this.#run(KEEP_OBJECTS, values);
  }

  async find(kind: ObjectKind, id: string): Promise<ObjectRecord | undefined> {
    return (await this.#read(kind, [id]))[0];
  }

  /** The objects of a client after a cursor (null: from the start), the latest first. */
  async list(
    { kind, client }: { readonly kind: ObjectKind; readonly client: string },
    after: ObjectCursor | null,
    limit: number,
  ): Promise<ObjectRecord[]> {
    const values = new ScriptArguments(this.#listKey(kind, client));
    values.add(after?.createdAt ?? '+inf', limit + SAME_INSTANT);
    const found = listed.parse(await this.#run(LIST_OBJECTS, values));
    return await this.#read(kind, idsIn(found, after).slice(0, limit));
  }

  async forget({ kind, id, client }: ObjectRecord): Promise<void> {
    const keys = new ScriptArguments(this.#recordKey(kind, id), this.#listKey(kind, client));
    await this.#run(FORGET_OBJECT, keys.add(id));
  }

  close(): void {
    this.#connection.close();
  }

  async #read(kind: ObjectKind, ids: readonly string[]): Promise<ObjectRecord[]> {
    if (ids.length === 0) return [];
    const keys = new ScriptArguments(...ids.map((id) => this.#recordKey(kind, id)));
    const found = texts.parse(await this.#run(READ_OBJECTS, keys));
    return ids.flatMap((id, index) => readRecord(kind, id, found[index]) ?? []);
  }

  async #run(script: Script, values: ScriptArguments): Promise<unknown> {
    try {
      return await this.#connection.run(script, values);
    } catch (error) {
      if (wantsNewConnection(error)) this.#connection.renew();
      throw error;
    }
  }

  #recordKey(kind: ObjectKind, id: string): string {
    return `{${this.#prefix}}:object:${kind}:${id}`;
  }

  #listKey(kind: ObjectKind, client: string): string {
    return `{${this.#prefix}}:objects:${kind}:${client}`;
  }
}

/** The ids in a list of ids and creation times that come after a cursor. */
function idsIn(list: readonly string[], after: ObjectCursor | null): string[] {
  return list.flatMap((id, index) => {
    if (index % 2 === 1 || !objectId.safeParse(id).success) return [];
    const createdAt = Number(list[index + 1]);
    return after === null || isAfter({ id, createdAt }, after) ? [id] : [];
  });
}

/** A record; undefined if there is none, or it cannot be read. */
function readRecord(
  kind: ObjectKind,
  id: string,
  text: string | null | undefined,
): ObjectRecord | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    return { kind, id, ...kept.parse(JSON.parse(text)) };
  } catch {
    return undefined; // of a newer version, or damaged: it can be looked up at OpenRouter
  }
}
