import type { IncomingHttpHeaders } from 'node:http';
import { UpstreamFailure } from './upstream-failure.ts';

const MAX_HOST = 100;

/** Whether a status sends the client elsewhere (RFC 9110, section 15.4). 304 does not. */
export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}

/** The target of a redirect, for a message. */
function target(location: string | undefined, baseUrl: URL): string {
  if (location === undefined || !URL.canParse(location, baseUrl))
    return 'an address without a name';
  const { host, protocol } = new URL(location, baseUrl);
  if (host !== baseUrl.host) return host.slice(0, MAX_HOST);
  return protocol === baseUrl.protocol ? 'another path' : `${protocol}//${host}`;
}

/**
 * The failure of an attempt that was redirected. OpenRouter's API does not redirect: a wrong base URL or
 * a captive portal does. A client that followed the redirect would send its access key there.
 */
export function redirectFailure(
  { statusCode, headers }: { readonly statusCode: number; readonly headers: IncomingHttpHeaders },
  baseUrl: URL,
): UpstreamFailure {
  const message = `OpenRouter redirected to ${target(headers.location, baseUrl)} (${statusCode})`;
  return new UpstreamFailure('redirect', message, { mayPass: false });
}
