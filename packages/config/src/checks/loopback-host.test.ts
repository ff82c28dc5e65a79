import { expect, test } from 'vitest';
import { isLoopbackHost } from './loopback-host.ts';

test.each(['127.0.0.1', '127.8.9.10', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost'])(
  '%s is reached from this machine only',
  (host) => expect(isLoopbackHost(host)).toBe(true),
);

test.each([
  ...['0.0.0.0', '::', '192.168.1.7', '::ffff:192.168.1.7', 'fe80::1%eth0', '128.0.0.1'],
  ...['0', '127.1', 'gateway.example', 'localhost.example'],
])('%s may be reached from other machines', (host) => expect(isLoopbackHost(host)).toBe(false));
