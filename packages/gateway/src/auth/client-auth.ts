import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Secret } from '@openrouter-proxy/runtime';

/** A client's access key and its name in the log and the metrics. */
export interface AccessKey {
  name: string;
  key: Secret;
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

/** The value of an Authorization field, as far as its scheme is served. */
function authorizationValue(field: string | undefined, allowBasic: boolean): string | undefined {
  const [scheme, value] = (field ?? '').trim().split(/\s+/, 2);
  if (value === undefined) return undefined;
  if (scheme?.toLowerCase() === 'bearer') return value;
  if (!allowBasic || scheme?.toLowerCase() !== 'basic') return undefined;
  const decoded = Buffer.from(value, 'base64').toString('utf8');
  return decoded.slice(decoded.indexOf(':') + 1);
}

/** The credentials of a request, at most two; a password only where Basic is allowed. */
function credentials({ authorization, ...headers }: IncomingHttpHeaders, allowBasic: boolean) {
  const value = authorizationValue(authorization, allowBasic);
  const apiKey = headers['x-api-key'];
  const offered = [value, typeof apiKey === 'string' && apiKey !== '' ? apiKey : undefined];
  return offered.filter((credential) => credential !== undefined);
}

/** The client that a request's credential belongs to. */
export type Credential =
  | { readonly kind: 'known'; readonly name: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong' };

const MISSING: Credential = { kind: 'missing' };
const WRONG: Credential = { kind: 'wrong' };

/**
 * Creates the check of client credentials. A client program may send its key in one field and
 * something else in the other, so one valid credential is enough; of two valid ones that in
 * Authorization counts. Every credential is compared with every key, in constant time.
 */
export function createClientAuth(accessKeys: readonly AccessKey[]) {
  const clients = accessKeys.map(({ name, key }) => ({
    digest: digest(key.reveal()),
    credential: { kind: 'known', name } as const,
  }));
  const check = (offered: string): Credential => {
    const offeredDigest = digest(offered);
    let found: Credential = WRONG;
    for (const { digest, credential } of clients) {
      if (timingSafeEqual(digest, offeredDigest)) found = credential;
    }
    return found;
  };
  return (headers: IncomingHttpHeaders, options = { allowBasic: false }): Credential => {
    const found = credentials(headers, options.allowBasic).map(check);
    return found.find(({ kind }) => kind === 'known') ?? found[0] ?? MISSING;
  };
}

/** The check `createClientAuth` creates. */
export type ClientAuth = ReturnType<typeof createClientAuth>;
