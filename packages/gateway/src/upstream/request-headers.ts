import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { isReadable } from './decoding.ts';
import { hopByHop } from './hop-by-hop.ts';

/** Fields that stay here: the client's credentials for this gateway, its address, its user. */
const PRIVATE: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x_api_key',
  'x-auth-token',
  'x-goog-api-key',
  'cookie',
  'host',
  'expect',
  'forwarded',
  'via',
  'x-real-ip',
  'true-client-ip',
  'x-request-id',
]);
const PRIVATE_PREFIXES = ['x-forwarded-', 'cf-', 'x-openwebui-', 'sec-', 'proxy-'];

function isPrivate(name: string): boolean {
  return PRIVATE.has(name) || PRIVATE_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/**
 * The content codings of an Accept-Encoding field that this gateway can decode. An answer in another one
 * could not be checked.
 */
function readableCodings(accepted: string): string {
  const codings = accepted.split(',').map((part) => part.trim());
  const name = (coding: string) => coding.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const readable = codings.filter((coding) => isReadable(name(coding)));
  if (readable.length === codings.length) return accepted;
  return readable.length === 0 ? 'identity' : readable.join(', ');
}

/** The fields that the gateway sets itself. */
export interface UpstreamIdentity {
  host: string;
  requestId: string;
  /** The leased key; null for a public route, which OpenRouter serves without one. */
  secret: string | null;
}

/**
 * The complete header set of an upstream request. The client's end-to-end headers go along; exactly
 * one credential is sent, the leased key, as OpenRouter asks ("one credential per request").
 */
export function upstreamRequestHeaders(
  client: IncomingHttpHeaders,
  identity: UpstreamIdentity,
): OutgoingHttpHeaders {
  const staysBehind = hopByHop(client.connection);
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(client)) {
    if (value !== undefined && !staysBehind(name) && !isPrivate(name)) headers[name] = value;
  }
  // Framing belongs to each hop, but a length that the client announced is right for the same bytes here.
  if (client['transfer-encoding'] !== undefined) headers['transfer-encoding'] = 'chunked';
  else if (client['content-length'] !== undefined) {
    headers['content-length'] = client['content-length'];
  }
  const accepted = client['accept-encoding'];
  if (accepted !== undefined) headers['accept-encoding'] = readableCodings(accepted);
  headers.host = identity.host;
  headers['x-request-id'] = identity.requestId;
  headers.connection = 'keep-alive';
  if (identity.secret !== null) headers.authorization = `Bearer ${identity.secret}`;
  return headers;
}
