import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Secret } from '@openrouter-proxy/runtime';

/** A client's access key and the name it goes by in the log and the metrics. */
export interface AccessKey {
  name: string;
  key: Secret;
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

/** The credential of a request, in each spelling clients use; a password only where Basic is allowed. */
function credential(headers: IncomingHttpHeaders, allowBasic: boolean): string | undefined {
  const [scheme, value] = (headers.authorization ?? '').trim().split(/\s+/, 2);
  if (value !== undefined && scheme?.toLowerCase() === 'bearer') return value;
  if (allowBasic && value !== undefined && scheme?.toLowerCase() === 'basic') {
    const decoded = Buffer.from(value, 'base64').toString('utf8');
    return decoded.slice(decoded.indexOf(':') + 1);
  }
  const apiKey = headers['x-api-key'];
  return typeof apiKey === 'string' && apiKey !== '' ? apiKey : undefined;
}

/** Whose credential a request carries. */
export type Credential =
  | { readonly kind: 'known'; readonly name: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong' };

const MISSING: Credential = { kind: 'missing' };
const WRONG: Credential = { kind: 'wrong' };

/**
 * Creates the check of client credentials. Digests of equal length are compared in constant time, and
 * all of them.
 */
export function createClientAuth(accessKeys: readonly AccessKey[]) {
  const clients = accessKeys.map(({ name, key }) => ({
    digest: digest(key.reveal()),
    credential: { kind: 'known', name } as const,
  }));
  return (headers: IncomingHttpHeaders, options = { allowBasic: false }): Credential => {
    const offered = credential(headers, options.allowBasic);
    if (offered === undefined) return MISSING;
    const offeredDigest = digest(offered);
    let found: Credential = WRONG;
    for (const { digest, credential } of clients) {
      if (timingSafeEqual(digest, offeredDigest)) found = credential;
    }
    return found;
  };
}

/** The check `createClientAuth` creates. */
export type ClientAuth = ReturnType<typeof createClientAuth>;
