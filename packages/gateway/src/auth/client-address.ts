import { BlockList, isIP, isIPv4 } from 'node:net';

/** A proxy chain longer than this is not followed; a header can hold thousands of entries. */
const MAX_HOPS = 32;
const IPV4_MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const WITH_PORT = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+):\d+$/;

/** An address in one spelling: IPv4 that came through an IPv6 socket as IPv4, without zone or port. */
function normalised(text: string): string | null {
  const [, ipv6, ipv4] = WITH_PORT.exec(text) ?? [];
  const [bare = ''] = (ipv6 ?? ipv4 ?? text).split('%');
  const address = IPV4_MAPPED.exec(bare)?.[1] ?? bare;
  return isIP(address) === 0 ? null : address.toLowerCase();
}

/** Creates a block list of addresses and CIDR blocks. */
export function blockListOf(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = '', prefix] = block.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

/**
 * The address that a request comes from: the peer's, unless the peer is a trusted proxy. Then it is the
 * rightmost address of X-Forwarded-For that is no trusted proxy, since a client can write anything to
 * the left of it. Null if the connection is gone.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | string[] | undefined,
  trusted: BlockList,
): string | null {
  const isTrusted = (address: string) => trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  let nearest = normalised(peer ?? '');
  if (nearest === null || typeof forwardedFor !== 'string') return nearest;
  let end = forwardedFor.length;
  for (let hop = 0; hop < MAX_HOPS && end >= 0 && isTrusted(nearest); hop += 1) {
    const comma = forwardedFor.lastIndexOf(',', end - 1);
    const address = normalised(forwardedFor.slice(comma + 1, end).trim());
    if (address === null) return nearest; // not an address: the proxy that wrote it is the nearest one known
    nearest = address;
    if (comma <= 0) return nearest;
    end = comma;
  }
  return nearest;
}

/** Whether a connection comes from a trusted proxy. */
export function isTrustedPeer(peer: string | undefined, trusted: BlockList): boolean {
  const address = normalised(peer ?? '');
  return address !== null && trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/**
 * The network that counts as one client: an IPv4 address, or the /64 of an IPv6 address, all of which
 * one machine has (RFC 4291, section 2.5.4).
 */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
    groups.push(...Array<string>(Math.max(0, 8 - groups.length - after)).fill('0'));
    groups.push(...tail.split(':'));
  }
  const prefix = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${prefix.join(':')}::/64`;
}
