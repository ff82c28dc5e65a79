import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayConfiguration } from '@openrouter-proxy/config';
import { Secret } from '@openrouter-proxy/runtime';

/** The access key of every test's client. */
export const ACCESS_KEY = 'the-access-key-of-the-test-client';

const MINUTE = 60_000;

/** What a test may set otherwise. */
export type HandOverOptions = {
  readonly [Group in Exclude<keyof GatewayConfiguration, 'accessKeys' | 'kms'>]?: Partial<
    GatewayConfiguration[Group]
  >;
} & Partial<Pick<GatewayConfiguration, 'accessKeys'>>;

/**
 * The configuration of a gateway under test. Its time limits are so long that a slow machine does not
 * meet them; a test of a limit sets that one.
 */
export function configuration(
  baseUrl: string,
  kms: GatewayConfiguration['kms'],
  options: HandOverOptions = {},
): GatewayConfiguration {
  return {
    server: {
      ...{ host: '127.0.0.1', port: 0, workers: 1, trustedProxies: [], publicUrl: null },
      ...{ maxBodyBytes: 1024 * 1024, shutdownGraceMs: 1_000 },
      ...options.server,
    },
    accessKeys: options.accessKeys ?? [{ name: 'default', key: new Secret(ACCESS_KEY) }],
    kms,
    upstream: {
      ...{ baseUrl, requestProxy: null },
      ...{ connectTimeoutMs: MINUTE, firstByteTimeoutMs: MINUTE },
      ...options.upstream,
    },
    forwarding: {
      ...{ deadlineMs: 10 * MINUTE, maxAttempts: null, queueTimeoutMs: 0 },
      ...{ idleTimeoutMs: MINUTE, keepaliveAfterMs: 0, googleRateDelayMs: 0 },
      ...options.forwarding,
    },
    rules: {
      ...{ publicEndpoints: ['/api/v1/models'], freeOnly: false },
      ...{ countTokens: 'estimate', affinity: false, administration: 'deny', presets: {} },
      ...options.rules,
    },
    cache: { enabled: true, ttlMs: 300_000, ...options.cache },
    metrics: { public: false, system: false, tokens: true, ...options.metrics },
    spool: {
      folder: join(tmpdir(), `gateway-spool-${process.pid}`),
      maxBytes: 1024 ** 3,
      ...options.spool,
    },
    log: { level: 'DEBUG', httpLevel: 'INFO', format: 'json', ...options.log },
  };
}
