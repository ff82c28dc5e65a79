import type { LogFields } from '@openrouter-proxy/runtime';
import { expect, it } from 'vitest';
import { MAX_NETWORKS } from './wrong-keys.ts';
import { WrongKeyThrottle } from './wrong-key-throttle.ts';

/** A throttle whose waits end when the test says so. */
function setUp() {
  const waits: { ms: number; end: () => void }[] = [];
  const lines: LogFields[] = [];
  const time = { now: 0 };
  const line = (_message: string, fields?: LogFields) => void lines.push(fields ?? {});
  const logger = {
    ...{ debug: line, info: line, warning: line, error: line, critical: line },
    log: () => undefined,
  };
  const throttle = new WrongKeyThrottle({
    now: () => time.now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        waits.push({ ms, end: resolve });
        signal?.addEventListener('abort', () => reject(new Error('aborted')));
      }),
    logger,
  });
  const { signal: never } = new AbortController();
  const tries = (times: number, address: string) =>
    Array.from({ length: times }, () => throttle.hold(address, never));
  const attack = (times: number, address: string) => void tries(times, address);
  return { throttle, waits, lines, time, tries, attack };
}

it('holds back the fourth wrong key of an address, and not the first of another', async () => {
  const { tries, waits, throttle } = setUp();
  expect(await Promise.all(tries(3, '198.51.100.1'))).toEqual(['waited', 'waited', 'waited']);
  const [fourth] = tries(1, '198.51.100.1');
  await Promise.all(tries(1, '198.51.100.2'));
  expect(waits.map(({ ms }) => ms)).toEqual([250]);
  waits[0]?.end();
  expect(await fourth).toBe('waited');
  expect(throttle.load.held).toBe(0);
});

it('counts the addresses of an IPv6 /64 together', () => {
  const { attack, waits } = setUp();
  for (const host of ['1', '2', '3', '4']) attack(1, `2001:db8:1:2::${host}`);
  attack(1, '2001:db8:1:3::1');
  expect(waits.map(({ ms }) => ms)).toEqual([250]);
});

it('holds back at most 8 answers of one network, and 256 in all', async () => {
  const { tries, attack, waits, throttle } = setUp();
  const held = tries(3 + 8, '10.0.0.0').slice(3);
  expect(await Promise.all(tries(100, '10.0.0.0'))).toEqual(Array(100).fill('crowded'));
  for (let n = 1; n < 1_000; n += 1) attack(4, `10.0.${n >> 8}.${n & 255}`);
  expect([throttle.load.held, waits.length]).toEqual([256, 256]);
  for (const { end } of waits) end();
  expect(await Promise.all(held)).toEqual(Array(8).fill('waited'));
  await new Promise(setImmediate);
  expect(throttle.load.held).toBe(0);
});

it('gives back the place of each client that has left', async () => {
  const { throttle, attack, waits } = setUp();
  attack(3, '10.0.0.1');
  for (let n = 1; n <= 20; n += 1) {
    const gone = new AbortController();
    const held = throttle.hold('10.0.0.1', gone.signal);
    expect([throttle.load.held, waits.length]).toEqual([1, n]);
    gone.abort();
    expect(await held).toBe('waited');
    expect(throttle.load.held).toBe(0);
  }
});

it('lets everybody go when the gateway stops', async () => {
  const { throttle, tries } = setUp();
  const held = tries(10, '10.0.0.1');
  throttle.stop();
  expect(new Set(await Promise.all(held))).toEqual(new Set(['waited']));
  expect(throttle.load.held).toBe(0);
});

it('remembers a fixed number of 10,000 attacking addresses, and logs ten lines a minute', () => {
  const { throttle, lines, time, attack } = setUp();
  for (let n = 0; n < 10_000; n += 1) attack(1, `10.1.${n >> 8}.${n & 255}`);
  expect(throttle.load.networks).toBe(MAX_NETWORKS);
  expect(lines).toHaveLength(10);
  expect(lines[0]).toEqual({ address: '10.1.0.0', delay_ms: 0, not_logged: 0 });
  time.now += 60_000;
  attack(1, '10.2.0.0');
  expect(lines.at(-1)).toEqual({ address: '10.2.0.0', delay_ms: 0, not_logged: 9_990 });
});

it('logs an address once a minute, however often it tries', () => {
  const { lines, time, attack } = setUp();
  attack(50, '10.0.0.1');
  time.now += 60_000;
  attack(1, '10.0.0.1');
  expect(lines).toEqual([
    { address: '10.0.0.1', delay_ms: 0, not_logged: 0 },
    { address: '10.0.0.1', delay_ms: 8_000, not_logged: 49 },
  ]);
});
