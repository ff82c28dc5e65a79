import { randomUUID } from 'node:crypto';
import type { RequestIdentity } from '../request/request-progress.ts';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,128}$/;

/** The ids of a request: the client's own if it is 1 to 128 visible ASCII characters, else a new one. */
export function requestIds(
  offered: string | string[] | undefined,
): Pick<RequestIdentity, 'id' | 'internalId'> {
  const internalId = randomUUID();
  const isUsable = typeof offered === 'string' && VISIBLE_ASCII.test(offered);
  return { id: isUsable ? offered : internalId, internalId };
}
