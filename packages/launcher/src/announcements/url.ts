import { isIPv6 } from 'node:net';
import type { Address } from '@openrouter-proxy/runtime';

/** Addresses that mean "every interface" are for listening; a caller on this machine uses the loopback. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** The URL at which a program on this machine reaches a listening address. */
export function urlOf({ host, port }: Address): string {
  const reachable = LOOPBACK[host] ?? host;
  return `http://${isIPv6(reachable) ? `[${reachable}]` : reachable}:${port}`;
}
