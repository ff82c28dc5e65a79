import { randomUUID } from 'node:crypto';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,128}$/;

/** The request's id: the client's own if it is 1 to 128 visible ASCII characters, else a new one. */
export function requestId(offered: string | string[] | undefined): string {
  return typeof offered === 'string' && VISIBLE_ASCII.test(offered) ? offered : randomUUID();
}
