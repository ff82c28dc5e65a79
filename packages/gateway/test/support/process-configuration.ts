import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayConfiguration } from '@openrouter-proxy/config';
import { Secret } from '@openrouter-proxy/runtime';

/** The access key of every test's client. */
export const ACCESS_KEY = 'the-access-key-of-the-test-client';

const MINUTE = 60_000;

/** What a test may set otherwise. */
export interface HandOverOptions {
  upstream?: Partial<GatewayConfiguration['upstream']>;
  settings?: Partial<Omit<GatewayConfiguration, 'upstream' | 'kms' | 'host' | 'port'>>;
}

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
    host: '127.0.0.1',
    port: 0,
    workers: 1,
    accessKeys: [{ name: 'default', key: new Secret(ACCESS_KEY) }],
    kms,
    upstream: {
      baseUrl,
      requestProxy: null,
      connectTimeoutMs: MINUTE,
      firstByteTimeoutMs: MINUTE,
      idleTimeoutMs: MINUTE,
      keepaliveAfterMs: 0,
      deadlineMs: 10 * MINUTE,
      maxAttempts: null,
      providerRetryDelayMs: 0,
      ...options.upstream,
    },
    queueTimeoutMs: 0,
    affinity: false,
    publicEndpoints: ['/api/v1/models'],
    trustedProxies: [],
    modelsCache: { enabled: true, ttlMs: 300_000 },
    metrics: { public: false, system: false, tokens: true },
    freeOnly: false,
    countTokens: 'estimate',
    maxBodyBytes: 1024 * 1024,
    spool: { folder: join(tmpdir(), `gateway-spool-${process.pid}`), maxBytes: 1024 ** 3 },
    shutdownGraceMs: 1_000,
    log: { level: 'DEBUG', httpLevel: 'INFO', format: 'json' },
    ...options.settings,
  };
}
