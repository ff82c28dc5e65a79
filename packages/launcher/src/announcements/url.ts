import { isIPv6 } from 'node:net';
import type { Address } from '@openrouter-proxy/runtime';

/** A caller cannot connect to a wildcard address, so it uses the loopback address instead. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** The URL at which a program on this machine reaches a listening address. */
export function urlOf({ host, port }: Address): string {
  const reachable = LOOPBACK[host] ?? host;
  return `http://${isIPv6(reachable) ? `[${reachable}]` : reachable}:${port}`;
}
