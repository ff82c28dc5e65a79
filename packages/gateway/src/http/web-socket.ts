import type { IncomingHttpHeaders } from 'node:http';

/** The part of a request that decides about an upgrade. */
export interface UpgradeRequest {
  readonly method?: string | undefined;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Whether a request opens a WebSocket (RFC 6455, section 4.1). Every other protocol in Upgrade is
 * ignored, as is all of it in HTTP/1.0 (RFC 9110, section 7.8).
 */
export function opensWebSocket({ method, httpVersion, headers }: UpgradeRequest): boolean {
  if (method !== 'GET' || httpVersion === '1.0') return false;
  const protocols = (headers.upgrade ?? '').split(',');
  return protocols.some((protocol) => /^\s*websocket\s*$/i.test(protocol));
}
