import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

/** The header fields that OpenRouter itself allows browsers to send. */
const ALLOWED_HEADERS = [
  'Authorization',
  'X-Api-Key',
  'Content-Type',
  'HTTP-Referer',
  'X-Title',
  'X-OpenRouter-Title',
  'X-OpenRouter-Categories',
  'X-OpenRouter-Metadata',
  'X-Session-Id',
  'X-Request-ID',
  'Idempotency-Key',
  'Anthropic-Version',
  'Anthropic-Beta',
  'Anthropic-Dangerous-Direct-Browser-Access',
  'traceparent',
  'tracestate',
  'b3',
];
/** SDKs add a changing set of these to describe themselves. */
const STAINLESS = /^x-stainless-[a-z-]{1,40}$/i;

/** The answer to a preflight: OpenRouter's methods and headers, and the SDK's own that were asked for. */
export function preflightHeaders(request: IncomingHttpHeaders): OutgoingHttpHeaders {
  const asked = request['access-control-request-headers'] ?? '';
  const sdk = asked
    .split(',')
    .map((name) => name.trim())
    .filter((name) => STAINLESS.test(name));
  return {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET,OPTIONS,PATCH,DELETE,POST,PUT',
    'access-control-allow-headers': [...ALLOWED_HEADERS, ...sdk].join(', '),
    'access-control-max-age': '600',
    vary: 'Access-Control-Request-Headers',
  };
}
