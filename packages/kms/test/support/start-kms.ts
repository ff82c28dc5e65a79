import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import type { KmsConfiguration } from '@openrouter-proxy/config';
import {
  KmsClient,
  connectToUnixSocket,
  utcInWords,
  type Role,
} from '@openrouter-proxy/kms-protocol';
import {
  Secret,
  systemClock,
  type Clock,
  type LogFields,
  type Logger,
} from '@openrouter-proxy/runtime';
import { afterEach } from 'vitest';
import { startDaemon } from '../../src/daemon.ts';
import type { ConfiguredKey } from '../../src/keys/key-records.ts';

const TOKENS = {
  gateway: new Secret('the gateway token'),
  operator: new Secret('the operator token'),
};

/** What the launcher would hand over. */
export function handOverFor(
  stateDir: string,
  keys: readonly ConfiguredKey[],
  changes: Partial<KmsConfiguration> = {},
): KmsConfiguration {
  return {
    socket: join(stateDir, 'kms.sock'),
    socketAccess: 'owner',
    stateDir,
    redis: null,
    tokens: TOKENS,
    keys: [...keys],
    managementKey: null,
    selection: { strategy: 'round-robin', same: false, affinity: false },
    freeRequests: { perMinute: 20, perDay: null },
    rateLimitCooldownMs: 3_600_000,
    leaseTtlMs: 660_000,
    shutdownGraceMs: 1_000,
    metrics: { system: false },
    log: { level: 'DEBUG', format: 'json' },
    ...changes,
  };
}

/** A logger that keeps what it is told, as it would be written but unmasked. */
function collectingLogger(lines: string[]): Logger {
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      lines.push(JSON.stringify({ level, message, ...fields }));
    };
  return {
    log: (level, message, fields) => write(level)(message, fields),
    debug: write('DEBUG'),
    info: write('INFO'),
    warning: write('WARNING'),
    error: write('ERROR'),
    critical: write('CRITICAL'),
  };
}

/** Starts services in this process, and clients of them; stops them all after each test. */
export function useKms() {
  const clients: KmsClient[] = [];
  const services: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await Promise.all(services.splice(0).map((drain) => drain()));
  });

  return {
    async start(configuration: KmsConfiguration, clock: Clock = systemClock) {
      const log: string[] = [];
      const daemon = await startDaemon(configuration, {
        clock,
        logger: collectingLogger(log),
        instantInWords: utcInWords,
        version: '0.0.0',
        random: Math.random,
        randomFill: (bytes) => randomFillSync(bytes),
        reload: () =>
          Promise.resolve({
            ...{ outcome: 'unchanged', problems: [], warnings: [] },
            ...{ changes: [], needsRestart: [] },
          }),
      });
      let drained: Promise<void> | undefined;
      const drain = () => (drained ??= daemon.drain());
      services.push(drain);
      return { log, drain };
    },

    connect(
      socket: string,
      role: Role,
      options: Partial<ConstructorParameters<typeof KmsClient>[0]> = {},
    ): KmsClient {
      const client = new KmsClient({
        connect: () => connectToUnixSocket(socket),
        role,
        token: TOKENS[role],
        timeoutMs: 120_000,
        ...options,
      });
      clients.push(client);
      return client;
    },
  };
}

/** The parameters of a request for a lease. */
export const REQUEST = { requestId: 'r1', model: null, api: 'chat' } as const;
