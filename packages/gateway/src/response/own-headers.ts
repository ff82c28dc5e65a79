import type { OutgoingHttpHeaders } from 'node:http';
import { DATA_HEADERS } from '../endpoints/answer-headers.ts';
import type { Progress, RequestIdentity } from '../request/request-progress.ts';

/** What browsers may read. OpenRouter exposes the first four; the others are the gateway's own. */
const EXPOSED =
  'X-Generation-Id, X-Provider-Name, request-id, cf-ray, X-Request-ID, Retry-After, X-Proxy-Attempts';

/** The header fields that the gateway adds to every answer. */
export function ownHeaders(
  { id, api }: RequestIdentity,
  { attempts, upstreamMs, queuedMs, leaseMs }: Progress,
  elapsedMs: number,
): OutgoingHttpHeaders {
  const upstream = attempts === 0 ? '' : `, upstream;dur=${upstreamMs.toFixed(2)}`;
  const headers: OutgoingHttpHeaders = {
    'x-request-id': id,
    'x-process-time': (elapsedMs / 1000).toFixed(6),
    'server-timing': `queue;dur=${queuedMs.toFixed(2)}, lease;dur=${(leaseMs - queuedMs).toFixed(2)}${upstream}`,
    'x-proxy-attempts': String(attempts),
  };
  if (api === null) return headers;
  Object.assign(headers, DATA_HEADERS);
  headers['access-control-allow-origin'] = '*';
  headers['access-control-expose-headers'] = EXPOSED;
  return headers;
}
