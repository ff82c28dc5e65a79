import { randomUUID } from 'node:crypto';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,128}$/;

/** What a request is called. */
export interface RequestIds {
  /** The client's own if it is 1 to 128 visible ASCII characters: other requests may have the same. Else a new one. */
  readonly id: string;
  /** The gateway's, which no other request has. */
  readonly internalId: string;
}

/** The ids of a request, given what its client calls it. */
export function requestIds(offered: string | string[] | undefined): RequestIds {
  const internalId = randomUUID();
  const isUsable = typeof offered === 'string' && VISIBLE_ASCII.test(offered);
  return { id: isUsable ? offered : internalId, internalId };
}
