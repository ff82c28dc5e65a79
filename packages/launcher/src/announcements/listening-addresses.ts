import type { NetworkInterfaceInfo } from 'node:os';
import type { Address } from '@openrouter-proxy/runtime';
import { urlOf } from './url.ts';

/** Maximum number of addresses shown: a machine with containers can have hundreds. */
const MAX_SHOWN = 32;

/** The members of a network interface's address that are used here. */
type InterfaceAddress = Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal'>;

/** Link-local addresses need the name of an interface, which URLs cannot carry (RFC 6874 is withdrawn). */
const isLinkLocal = ({ address }: InterfaceAddress) => /^fe[89ab]/i.test(address);

/**
 * The URLs of a listening server, the loopback address first. A server on `0.0.0.0` listens on each
 * IPv4 address of the machine, a server on `::` on each address.
 */
export function listeningUrls(
  { host, port }: Address,
  interfaces: readonly InterfaceAddress[],
): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [urlOf({ host, port })];
  const found = interfaces
    .filter((entry) => !isLinkLocal(entry))
    .filter(({ family }) => host === '::' || family === 'IPv4')
    .toSorted((a, b) => rank(a) - rank(b))
    .map(({ address }) => urlOf({ host: address, port }));
  if (found.length === 0) return [urlOf({ host, port }), `port ${port} of every other address`];
  const urls = [...new Set(found)];
  if (urls.length <= MAX_SHOWN) return urls;
  return [...urls.slice(0, MAX_SHOWN), `… and ${urls.length - MAX_SHOWN} more`];
}

const rank = ({ family, internal }: InterfaceAddress) =>
  (internal ? 0 : 2) + (family === 'IPv4' ? 0 : 1);
