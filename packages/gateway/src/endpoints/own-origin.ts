import type { IncomingHttpHeaders } from 'node:http';

/** What tells under which address a client reached this gateway. */
export interface OriginFacts {
  /** `server.public_url`; null: not set. */
  publicUrl: string | null;
  headers: IncomingHttpHeaders;
  /** Whether the connection comes from one of `server.trusted_proxies`. */
  isTrustedProxy: boolean;
  /** The address that the gateway listens at, for a request without a usable Host: `127.0.0.1:5555`. */
  listensAt: string;
}

/** A host name or an IP address, with a port or not (RFC 9110, section 7.2). */
const HOST = /^(?:[a-z\d.-]{1,253}|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** A proxy puts its own value last, or before those of other proxies. */
const first = (value: string | string[] | undefined) =>
  (Array.isArray(value) ? value[0] : value)?.split(',', 1)[0]?.trim();

/** The gateway's own scheme and host as the client sees them, without a path. */
export function ownOrigin({ publicUrl, headers, isTrustedProxy, listensAt }: OriginFacts): string {
  if (publicUrl !== null) return new URL(publicUrl).origin;
  const forwarded = isTrustedProxy ? first(headers['x-forwarded-host']) : undefined;
  const host = [forwarded, headers.host].find((name) => name !== undefined && HOST.test(name));
  const isEncrypted = isTrustedProxy && first(headers['x-forwarded-proto']) === 'https';
  return `${isEncrypted ? 'https' : 'http'}://${host ?? listensAt}`;
}
