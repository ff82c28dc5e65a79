import type { IncomingHttpHeaders } from 'node:http';
import { actsOnOrigin } from '../endpoints/answer-headers.ts';
import { hopByHop } from './hop-by-hop.ts';
import type { SecretMask } from './secret-mask.ts';

/** Fields that never reach the client: credentials, cookies, and the fields that this gateway sets itself. */
const WITHHELD: ReadonlySet<string> = new Set([
  'set-cookie',
  'authorization',
  'x-api-key',
  'www-authenticate',
  'x-request-id',
  'x-process-time',
  'x-proxy-attempts',
  'server-timing',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'alt-svc',
]);

/** Statuses whose response has no body, and so no length of one (RFC 9110, sections 8.6 and 15.3.5). */
function hasNoContent(status: number): boolean {
  return status === 204 || (status >= 100 && status < 200);
}

/** Removes every field that holds the key which the request was sent under, in its name or its value. */
export function removeSecret(headers: IncomingHttpHeaders, mask: SecretMask): void {
  for (const [name, value] of Object.entries(headers)) {
    const words = Array.isArray(value) ? value.join('\n') : (value ?? '');
    if (mask.text(words) !== words || mask.text(name) !== name)
      Reflect.deleteProperty(headers, name);
  }
}

/**
 * The fields of an upstream response that go on to the client. Node has merged repeated fields
 * already, so no name occurs twice; of Content-Length and Transfer-Encoding the latter never passes,
 * it is set again for the client's connection when there is no length.
 */
export function clientResponseHeaders(
  status: number,
  upstream: IncomingHttpHeaders,
): Record<string, string | string[]> {
  const staysBehind = hopByHop(upstream.connection);
  const chunked = upstream['transfer-encoding'] !== undefined;
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(upstream)) {
    if (value === undefined || WITHHELD.has(name) || staysBehind(name) || actsOnOrigin(name)) {
      continue;
    }
    if (name === 'content-length' && (chunked || hasNoContent(status))) continue;
    headers[name] = value;
  }
  return headers;
}

/** The header of a stream, which is decoded here and has no known length. */
export function streamHeaders(upstream: IncomingHttpHeaders): Record<string, string | string[]> {
  const passed = clientResponseHeaders(200, upstream);
  delete passed['content-encoding'];
  delete passed['content-length'];
  return passed;
}
