import * as z from 'zod';
import { client } from './ledger.ts';
import { MAX_OBJECTS, objectCursor, objectId, objectKind, ownedObject } from './owned-object.ts';

/** The methods about objects at OpenRouter, a part of the contract. `leaseId` is its lease id. */
export const objectMethods = (leaseId: z.ZodString) =>
  ({
    /**
     * Remembers that a client made objects under leases. They are durable when this is answered. An object
     * has one owner: naming it again changes nothing.
     */
    'objects.remember': {
      params: z.strictObject({
        objects: z
          .array(z.strictObject({ kind: objectKind, id: objectId, leaseId, client }))
          .max(MAX_OBJECTS),
      }),
      result: z.strictObject({}),
      roles: ['gateway'],
    },
    /** The owner of an object; null: unknown. `isCertain` is false while other machines cannot be asked. */
    'objects.find': {
      params: z.strictObject({ kind: objectKind, id: objectId }),
      result: z.strictObject({ object: ownedObject.nullable(), isCertain: z.boolean() }),
      roles: ['gateway'],
    },
    /** The objects of a client after a cursor (null: from the start), the latest first. */
    'objects.list': {
      params: z.strictObject({
        kind: objectKind,
        client,
        after: objectCursor.nullable(),
        limit: z.int().positive().max(MAX_OBJECTS),
      }),
      result: z.strictObject({
        objects: z.array(ownedObject).max(MAX_OBJECTS),
        isCertain: z.boolean(),
      }),
      roles: ['gateway'],
    },
    /** Forgets an object that was deleted. */
    'objects.forget': {
      params: z.strictObject({ kind: objectKind, id: objectId }),
      result: z.strictObject({}),
      roles: ['gateway'],
    },
  }) as const;
