import { GatewayError } from '../errors/gateway-error.ts';
import type { ObjectOwner } from '../key-service/object-owners.ts';

/** The accounts that can serve a request. */
export type AccountChoice =
  | { readonly kind: 'any' }
  /** Only this one can. */
  | { readonly kind: 'pinned'; readonly account: string }
  /** Nobody knows which: one after the other is asked. */
  | { readonly kind: 'search' }
  | { readonly kind: 'refused'; readonly error: GatewayError };

/** The answer to a request for an object that the client does not own: the same as for one that does not exist. */
export function notFound(): GatewayError {
  return new GatewayError('not_found', 'No such object is known here for this access key.');
}

/**
 * Chooses the accounts that can serve a request for an object. Only its owner may see it. An object that
 * nobody remembers may be read wherever it is found, and never changed.
 */
export function accountFor(
  owner: ObjectOwner,
  { client, access }: { readonly client: string | null; readonly access: 'read' | 'write' },
): AccountChoice {
  switch (owner.kind) {
    case 'known': {
      const { object } = owner;
      if (object.client !== client) return { kind: 'refused', error: notFound() };
      return { kind: 'pinned', account: object.account };
    }
    case 'unknown':
      return access === 'read' ? { kind: 'search' } : { kind: 'refused', error: notFound() };
    case 'unavailable': {
      const message = 'The owner of this object cannot be looked up at the moment.';
      const error = new GatewayError('key_service_unavailable', message, { retryAfterMs: 1_000 });
      return { kind: 'refused', error };
    }
  }
}
