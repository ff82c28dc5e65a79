import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockListOf, clientAddress, networkOf } from './client-address.ts';

const trusted = blockListOf(['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8']);
const of = (peer: string | undefined, forwardedFor?: string) =>
  clientAddress(peer, forwardedFor, trusted);

describe('the address of a client', () => {
  it('is the peer, whose X-Forwarded-For is not believed', () => {
    expect(of('203.0.113.7', '198.51.100.1')).toBe('203.0.113.7');
    expect(clientAddress('127.0.0.1', '198.51.100.1', blockListOf([]))).toBe('127.0.0.1');
  });

  it.each([
    ['the only address', '127.0.0.1', '198.51.100.1', '198.51.100.1'],
    [
      'the rightmost that is no proxy',
      '127.0.0.1',
      '1.1.1.1, 198.51.100.1, 10.1.2.3',
      '198.51.100.1',
    ],
    ['what a client wrote, never', '127.0.0.1', '10.0.0.9, 8.8.8.8, 198.51.100.1', '198.51.100.1'],
    ['the leftmost where all are proxies', '127.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2'],
    ['the peer where the header is empty', '127.0.0.1', '', '127.0.0.1'],
    ['the last one known before a word', '127.0.0.1', '1.1.1.1, unknown, 10.0.0.3', '10.0.0.3'],
    ['the last one known before nothing', '127.0.0.1', '1.1.1.1,,10.0.0.3', '10.0.0.3'],
    ['an address with a port', '127.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['an IPv6 address in brackets', '::1', '[2001:db8::7]:443', '2001:db8::7'],
    ['an IPv6 address in capitals', '::1', '2001:DB8::7', '2001:db8::7'],
    ['behind an IPv6 proxy of a block', 'fd12::1', '2001:db8::7', '2001:db8::7'],
    ['behind an IPv4 proxy on an IPv6 socket', '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['without the zone of a link-local peer', 'fe80::1%eth0', '198.51.100.1', 'fe80::1'],
  ])('behind proxies is %s', (_what, peer, forwardedFor, expected) => {
    expect(of(peer, forwardedFor)).toBe(expected);
  });

  it('is not known when the connection is gone', () => {
    expect(of(undefined, '198.51.100.1')).toBeNull();
  });

  it('is read from the last 32 entries of a header, however many there are', () => {
    expect(of('127.0.0.1', `198.51.100.1${', 10.0.0.1'.repeat(31)}`)).toBe('198.51.100.1');
    expect(of('127.0.0.1', `198.51.100.1${', 10.0.0.1'.repeat(32)}`)).toBe('10.0.0.1');
  });

  it('is never what stands to the left of an address that is no proxy', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.ipV4(), (left, proxy) => {
        fc.pre(!/^(10|127)\./.test(proxy));
        expect(of('127.0.0.1', `${left},${proxy}`)).toBe(proxy);
      }),
    );
  });
});

describe('the network that counts as one client', () => {
  it('is the whole IPv4 address', () => {
    expect(networkOf('198.51.100.1')).toBe('198.51.100.1');
  });

  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::7', '2001:db8:0:0::/64'],
    ['2001:0db8:0001::7', '2001:db8:1:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ])('is the /64 of %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it('is the same for every address of a /64', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const network = networkOf(address);
        const [, prefix = ''] = /^(.*)::\/64$/.exec(network) ?? [];
        expect(prefix.split(':')).toHaveLength(4);
        expect(networkOf(`${prefix}:1:2:3:4`)).toBe(network);
      }),
    );
  });
});
