import { isIP, isIPv4 } from 'node:net';
import { mustBe } from './reading.ts';

const PREFIX = /^\d{1,3}$/;
const IPV4_MAPPED = /^::ffff:([\d.]+)$/i;
/** Bits of an IPv4-mapped IPv6 address before the IPv4 address (RFC 4291, section 2.5.5.2). */
const MAPPED_BITS = 96;

/**
 * Reads an IP address or a CIDR block; IPv4 in an IPv6 spelling becomes IPv4. The block of all
 * addresses is refused: it would let every client choose its own address.
 */
export const readAddressBlock = mustBe(
  'an IP address or a CIDR block such as `10.0.0.0/8`, and not all addresses',
  (value) => {
    if (typeof value !== 'string') return undefined;
    const [written = '', prefix, ...rest] = value.trim().split('/');
    const mapped = IPV4_MAPPED.exec(written)?.[1];
    const address = mapped ?? written;
    if (isIP(address) === 0 || address.includes('%') || rest.length > 0) return undefined;
    if (prefix === undefined) return address;
    const bits = prefixLength(prefix) - (mapped === undefined ? 0 : MAPPED_BITS);
    return isPrefixOf(address, bits) ? `${address}/${bits}` : undefined;
  },
);

const prefixLength = (text: string) => (PREFIX.test(text) ? Number(text) : NaN);

const isPrefixOf = (address: string, bits: number) =>
  bits >= 1 && bits <= (isIPv4(address) ? 32 : 128);
