import * as z from 'zod';
import { instant } from './instant.ts';
import { keyId } from './key-view.ts';
import { client } from './ledger.ts';

/** What OpenRouter keeps for the account that made it. */
export const objectKind = z.enum(['video', 'batch', 'file', 'container', 'generation']);
export type ObjectKind = z.infer<typeof objectKind>;

/** OpenRouter's id of an object. */
export const objectId = z.string().min(1).max(200);

/** The most objects that one message may name. */
export const MAX_OBJECTS = 500;

/** An object, its account and the client that made it. */
export const ownedObject = z.strictObject({
  kind: objectKind,
  id: objectId,
  /** The key that made it. */
  keyId,
  /** The account of that key, as it is known now. */
  account: z.string().max(300),
  client,
  createdAt: instant,
  expiresAt: instant,
});
export type OwnedObject = z.infer<typeof ownedObject>;

/** A place in a list of objects, the latest first: lists go on after it. */
export const objectCursor = z.strictObject({ createdAt: instant, id: objectId });
export type ObjectCursor = z.infer<typeof objectCursor>;
