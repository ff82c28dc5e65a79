/**
 * Header fields that concern one connection only and must not be forwarded
 * (RFC 9110, section 7.6.1; `Proxy-*` and `Keep-Alive` by convention).
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Fields of the content, without which a body cannot be read. Connection cannot remove them (RFC 9110, section 8). */
const DESCRIBES_CONTENT: ReadonlySet<string> = new Set(['content-type', 'content-encoding']);

const NAMED_BY_NOBODY: ReadonlySet<string> = new Set();

/**
 * Tells for a header name, in lower case, whether it ends at this hop: the fixed set, and
 * the names in the message's own Connection header, except fields of the content.
 */
export function hopByHop(connection: string | undefined): (name: string) => boolean {
  const named =
    connection === undefined || /^(keep-alive|close)$/i.test(connection)
      ? NAMED_BY_NOBODY
      : new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  return (name) => HOP_BY_HOP.has(name) || (named.has(name) && !DESCRIBES_CONTENT.has(name));
}
