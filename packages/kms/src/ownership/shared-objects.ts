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

/** Owners of objects that the machines of a pool share. Every method rejects while Redis is unreachable. */
export interface SharedObjects {
  keep(records: readonly ObjectRecord[], now: number): Promise<void>;
  find(kind: ObjectKind, id: string): Promise<ObjectRecord | undefined>;
  /** The objects of a client after a cursor (null: from the start), the latest first. */
  list(
    of: { readonly kind: ObjectKind; readonly client: string },
    after: ObjectCursor | null,
    limit: number,
  ): Promise<ObjectRecord[]>;
  forget(record: ObjectRecord): Promise<void>;
  close(): void;
}

/** Opens the owners that are kept in Redis, on a connection of their own. `onReady`: Redis can be reached again. */
export function openSharedObjects(
  url: RedisUrl,
  prefix: string,
  onReady: () => void,
): SharedObjects {
  const connection = new Connection({ url, onReady });
  const recordKey = (kind: ObjectKind, id: string) => `{${prefix}}:object:${kind}:${id}`;
  const listKey = (kind: ObjectKind, of: string) => `{${prefix}}:objects:${kind}:${of}`;
  const run = async (script: Script, values: ScriptArguments) => {
    try {
      return await connection.run(script, values);
    } catch (error) {
      if (wantsNewConnection(error)) connection.renew();
      throw error;
    }
  };
  const read = async (kind: ObjectKind, ids: readonly string[]) => {
    if (ids.length === 0) return [];
    const keys = new ScriptArguments(...ids.map((id) => recordKey(kind, id)));
    const found = texts.parse(await run(READ_OBJECTS, keys));
    return ids.flatMap((id, index) => readRecord(kind, id, found[index]) ?? []);
  };
  return {
    async keep(records, now) {
      const values = new ScriptArguments().add(now);
      for (const { kind, id, ...record } of records) {
        values.addKey(recordKey(kind, id)).addKey(listKey(kind, record.client));
        values.add(JSON.stringify(record), record.expiresAt, record.createdAt, id);
      }
      await run(KEEP_OBJECTS, values);
    },
    find: async (kind, id) => (await read(kind, [id]))[0],
    async list(of, after, limit) {
      const latest = after?.createdAt ?? '+inf';
      const values = new ScriptArguments(listKey(of.kind, of.client));
      const found = await run(LIST_OBJECTS, values.add(latest, limit + SAME_INSTANT));
      return await read(of.kind, idsIn(listed.parse(found), after).slice(0, limit));
    },
    async forget({ kind, id, client: of }) {
      const values = new ScriptArguments(recordKey(kind, id), listKey(kind, of)).add(id);
      await run(FORGET_OBJECT, values);
    },
    close: () => connection.close(),
  };
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
