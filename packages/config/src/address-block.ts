import { isIP } from 'node:net';
import { mustBe } from './setting.ts';

const BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 };
const PREFIX = /^\d{1,3}$/;

/**
 * Reads an IP address or a CIDR block. The block of all addresses is refused: it would let every
 * client choose its own address.
 */
export const readAddressBlock = mustBe(
  'an IP address or a CIDR block such as `10.0.0.0/8`, and not all addresses',
  (value) => {
    if (typeof value !== 'string') return undefined;
    const [address = '', prefix, ...rest] = value.trim().split('/');
    const bits = BITS[isIP(address)];
    if (bits === undefined || address.includes('%') || rest.length > 0) return undefined;
    if (prefix === undefined) return address;
    const fits = PREFIX.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= bits;
    return fits ? `${address}/${Number(prefix)}` : undefined;
  },
);
