import type { Handlers, OwnedObject } from '@openrouter-proxy/kms-protocol';
import { readLeaseId } from '../leasing/lease-id.ts';
import type { ObjectOwners } from '../ownership/object-owners.ts';
import type { ObjectRecord } from '../ownership/object-record.ts';

/** The methods about objects at OpenRouter. */
export type ObjectMethods = 'objects.remember' | 'objects.find' | 'objects.list' | 'objects.forget';

/** What these methods are carried out by. */
export interface ObjectHandlerDeps {
  readonly owners: ObjectOwners;
  /** The account of a configured key; undefined: the key is not configured any more. */
  readonly accountOf: (keyId: string) => string | undefined;
}

/** Carries out the methods about objects at OpenRouter. */
export function objectHandlers({
  owners,
  accountOf,
}: ObjectHandlerDeps): Pick<Handlers, ObjectMethods> {
  // The account of a key may get another name, for example when `GET /key` tells its owner.
  const view = (record: ObjectRecord): OwnedObject => {
    return { ...record, account: accountOf(record.keyId) ?? record.account };
  };
  return {
    'objects.remember': async ({ objects }) => {
      const made = objects.map(({ leaseId, ...object }) => {
        const { keyId } = readLeaseId(leaseId);
        return { ...object, keyId, account: accountOf(keyId) ?? keyId };
      });
      await owners.remember(made);
      return {};
    },
    'objects.find': async ({ kind, id }) => {
      const { record, isCertain } = await owners.find(kind, id);
      return { object: record === undefined ? null : view(record), isCertain };
    },
    'objects.list': async ({ kind, client, after, limit }) => {
      const { records, isCertain } = await owners.list({ kind, client }, after, limit);
      return { objects: records.map(view), isCertain };
    },
    'objects.forget': async ({ kind, id }) => {
      await owners.forget(kind, id);
      return {};
    },
  };
}
