import { Secret } from '@openrouter-proxy/runtime';
import { expect, test } from 'vitest';
import { readRedisUrl, secretsInRedisUrl, type RedisUrl } from './redis-url.ts';

const PLAIN: RedisUrl = {
  kind: 'single',
  addresses: [{ host: 'host', port: 6379 }],
  master: '',
  database: 0,
  username: null,
  password: null,
  isEncrypted: false,
  options: {},
};

test.each<[url: string, meaning: Partial<RedisUrl>]>([
  ['redis://host', {}],
  ['redis://host:6380/3', { addresses: [{ host: 'host', port: 6380 }], database: 3 }],
  ['redis://[::1]:7', { addresses: [{ host: '::1', port: 7 }] }],
  ['redis://user:p%40ss@host', { username: 'user', password: 'p@ss' }],
  ['redis://:p:a,ss@host/', { password: 'p:a,ss' }],
  ['rediss://host', { isEncrypted: true }],
  ['valkey://host', {}],
  ['valkeys://host', { isEncrypted: true }],
  ['unix:///run/redis.sock', { addresses: [{ path: '/run/redis.sock' }] }],
  [
    'unix://user:pass@/a%20b',
    { addresses: [{ path: '/a b' }], username: 'user', password: 'pass' },
  ],
  [
    'redis+sentinel://a,b:7/pool/2?sentinel_password=s',
    {
      kind: 'sentinel',
      addresses: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 7 },
      ],
      master: 'pool',
      database: 2,
      options: { sentinel_password: 's' },
    },
  ],
  [
    'rediss+cluster://a,b?ca_file=/ca.pem',
    {
      kind: 'cluster',
      addresses: [
        { host: 'a', port: 6379 },
        { host: 'b', port: 6379 },
      ],
      isEncrypted: true,
      options: { ca_file: '/ca.pem' },
    },
  ],
])('%s means what it says', (url, meaning) => {
  expect(readRedisUrl(url)).toEqual({ value: { ...PLAIN, ...meaning } });
});

test('its passwords are secrets, and the whole is one', () => {
  const url = 'redis+sentinel://:p%40ss@host/pool?sentinel_password=other';
  const secrets = secretsInRedisUrl(new Secret(url)).map((secret) => secret.reveal());
  expect(secrets).toEqual([url, 'p@ss', 'other']);
});
