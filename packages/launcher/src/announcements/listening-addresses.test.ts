import { expect, test } from 'vitest';
import { listeningUrls } from './listening-addresses.ts';

const address = (text: string, internal = false) => ({
  ...{ address: text, internal },
  family: text.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
});
const MACHINE = [
  address('192.168.1.7'),
  address('127.0.0.1', true),
  address('fe80::1'),
  address('2001:db8::7'),
  address('::1', true),
  address('172.17.0.1'),
];

test('one address is one URL', () => {
  expect(listeningUrls({ host: '127.0.0.1', port: 80 }, MACHINE)).toEqual(['http://127.0.0.1:80']);
  expect(listeningUrls({ host: '2001:db8::7', port: 80 }, MACHINE)).toEqual([
    'http://[2001:db8::7]:80',
  ]);
});

test('0.0.0.0 is every IPv4 address of the machine, its loopback first', () => {
  expect(listeningUrls({ host: '0.0.0.0', port: 5555 }, MACHINE)).toEqual([
    ...['http://127.0.0.1:5555', 'http://192.168.1.7:5555', 'http://172.17.0.1:5555'],
  ]);
});

test(':: is every address of both families that a URL can name', () => {
  expect(listeningUrls({ host: '::', port: 5555 }, MACHINE)).toEqual([
    ...['http://127.0.0.1:5555', 'http://[::1]:5555', 'http://192.168.1.7:5555'],
    ...['http://172.17.0.1:5555', 'http://[2001:db8::7]:5555'],
  ]);
});

test('where a sandbox hides the interfaces, the loopback and the port stand for all of them', () => {
  const urls = listeningUrls({ host: '0.0.0.0', port: 5555 }, []);
  expect(urls).toEqual(['http://127.0.0.1:5555', 'port 5555 of every other address']);
});

test('of many addresses the first 32 are shown, and how many there are', () => {
  const many = Array.from({ length: 40 }, (_, index) => address(`10.0.0.${index}`));
  const urls = listeningUrls({ host: '0.0.0.0', port: 1 }, many);
  expect([urls.length, urls.at(-1)]).toEqual([33, '… and 8 more']);
});
