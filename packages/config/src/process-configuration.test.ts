import { expect, test } from 'vitest';
import * as z from 'zod';
import { Secret } from '@openrouter-proxy/runtime';
import { assembleConfig } from './config.ts';
import {
  gatewayConfiguration,
  gatewaySlice,
  kmsConfiguration,
  kmsSlice,
} from './process-configuration.ts';
import { configFile } from './schema/config-file.ts';

const paths = {
  stateDir: '/state',
  stateDirInHome: null,
  socket: '/state/kms.sock',
  socketAccess: 'owner',
} as const;
const upstreamKeys = [
  { secret: new Secret('upstream-key-1'), name: 'key-1', account: null, maxConcurrency: null },
  { secret: new Secret('upstream-key-2'), name: 'team', account: 'acme', maxConcurrency: 3 },
];
const tokens = { gateway: new Secret('gateway-token'), operator: new Secret('operator-token') };

const configured = (file: unknown) => assembleConfig(configFile.parse(file), upstreamKeys, paths);

const FULL = configured({
  server: { access_key: 'k0', access_keys: [{ name: 'a', key: 'k1' }], log_level: 'DEBUG' },
  openrouter: { key_selection_opts: ['same'], deadline: '2m', max_attempts: 4 },
  requestProxy: { enabled: true, url: 'socks5://user:pass@proxy:1080' },
});

/** As it goes through the pipe: encoded, written, read. */
const line = (encoded: unknown): unknown => JSON.parse(JSON.stringify(encoded));

test('the configuration of the key service survives the pipe, secrets included', () => {
  const slice = kmsSlice(FULL, { tokens });
  const received = kmsConfiguration.parse(line(z.encode(kmsConfiguration, slice)));
  expect(received.keys.map(({ secret }) => secret.reveal())).toEqual([
    'upstream-key-1',
    'upstream-key-2',
  ]);
  expect(received.tokens.operator.reveal()).toBe('operator-token');
  expect(z.encode(kmsConfiguration, received)).toEqual(z.encode(kmsConfiguration, slice));
});

test('the configuration of the gateway survives the pipe, secrets included', () => {
  const slice = gatewaySlice(FULL, { token: tokens.gateway, generatedAccessKey: null });
  const received = gatewayConfiguration.parse(line(z.encode(gatewayConfiguration, slice)));
  expect(received.kms.token.reveal()).toBe('gateway-token');
  expect(received.upstream.requestProxy?.reveal()).toBe('socks5://user:pass@proxy:1080');
  expect(z.encode(gatewayConfiguration, received)).toEqual(z.encode(gatewayConfiguration, slice));
});

test('the configuration of the gateway holds neither upstream keys nor the operator token', () => {
  const slice = gatewaySlice(FULL, { token: tokens.gateway, generatedAccessKey: null });
  const text = JSON.stringify(z.encode(gatewayConfiguration, slice));
  expect(text).not.toMatch(/upstream-key|operator-token/);
});

test('the key service gets its settings', () => {
  expect(kmsSlice(FULL, { tokens })).toMatchObject({
    socket: '/state/kms.sock',
    socketAccess: 'owner',
    stateDir: '/state',
    keys: [
      { name: 'key-1', maxConcurrency: null },
      { name: 'team', maxConcurrency: 3 },
    ],
    selection: { strategy: 'round-robin', same: true },
    rateLimitCooldownMs: 14_400_000,
    leaseTtlMs: 120_000 + 6 * 3_600_000,
    shutdownGraceMs: 30_000,
    log: { level: 'DEBUG', format: 'auto' },
  });
});

test('the gateway gets its settings', () => {
  expect(gatewaySlice(FULL, { token: tokens.gateway, generatedAccessKey: null })).toMatchObject({
    server: {
      host: '127.0.0.1',
      port: 5555,
      maxBodyBytes: 67_108_864,
      shutdownGraceMs: 30_000,
    },
    kms: { socket: '/state/kms.sock' },
    upstream: {
      baseUrl: 'https://openrouter.ai/api/v1',
      connectTimeoutMs: 10_000,
      firstByteTimeoutMs: 300_000,
    },
    forwarding: {
      idleTimeoutMs: 300_000,
      keepaliveAfterMs: 30_000,
      deadlineMs: 120_000,
      maxAttempts: 4,
      googleRateDelayMs: 0,
    },
    rules: { publicEndpoints: ['/api/v1/models'], freeOnly: false, countTokens: 'estimate' },
    cache: { enabled: true, ttlMs: 300_000 },
    metrics: { public: false, system: true },
    spool: { folder: '/state/spool', maxBytes: 1_073_741_824 },
    log: { level: 'DEBUG', httpLevel: 'INFO', format: 'auto' },
  });
});

test('the configured access key is the first of the clients, and a generated one is not used', () => {
  const generatedAccessKey = new Secret('generated');
  const { accessKeys } = gatewaySlice(FULL, { token: tokens.gateway, generatedAccessKey });
  expect(accessKeys.map(({ name, key }) => [name, key.reveal()])).toEqual([
    ['default', 'k0'],
    ['a', 'k1'],
  ]);
});

test('without a configured access key the generated one takes its place', () => {
  const generatedAccessKey = new Secret('generated');
  const { accessKeys } = gatewaySlice(configured({}), {
    token: tokens.gateway,
    generatedAccessKey,
  });
  expect(accessKeys.map(({ name, key }) => [name, key.reveal()])).toEqual([
    ['default', 'generated'],
  ]);
});

test('a configuration with an unknown member is refused', () => {
  const encoded = z.encode(kmsConfiguration, kmsSlice(FULL, { tokens }));
  expect(kmsConfiguration.safeParse({ ...encoded, surprise: 1 }).success).toBe(false);
});

test('a configuration with a value of another type than the setting is refused', () => {
  const runtime = { token: tokens.gateway, generatedAccessKey: null };
  const encoded = z.encode(gatewayConfiguration, gatewaySlice(FULL, runtime));
  const withForwarding = (changes: object) => ({
    ...encoded,
    forwarding: { ...encoded.forwarding, ...changes },
  });
  expect(gatewayConfiguration.safeParse(withForwarding({ deadlineMs: 1 })).success).toBe(true);
  expect(gatewayConfiguration.safeParse(withForwarding({ deadlineMs: '1s' })).success).toBe(false);
  expect(gatewayConfiguration.safeParse(withForwarding({ idleTimeout: 1 })).success).toBe(false);
});
