import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import type { GatewayHandOver } from '@openrouter-proxy/config';
import { Secret, type LogFields, type LogLevel } from '@openrouter-proxy/runtime';
import type { Exchange } from '../../src/exchange.ts';
import { CLIENT_LIMITS, type ClientLimits } from '../../src/client-limits.ts';
import { startGateway } from '../../src/gateway.ts';
import type { Message } from './http-message.ts';
import { RawConnection } from './raw-connection.ts';
import { startKeyService, type KeyService } from './key-service.ts';

/** The access key of every test's client. */
export const ACCESS_KEY = 'the-access-key-of-the-test-client';

/** A value shaped like an OpenRouter key, new at each call. */
export function newSecret(): string {
  return `sk-or-v1-${randomBytes(32).toString('hex')}`;
}

/** A gateway of a test's own, with its key service. */
export interface GatewayUnderTest {
  url: string;
  port: number;
  keys: KeyService;
  /** Exchanges that are over. */
  exchanges: Exchange[];
  log: { level: LogLevel; message: string; fields?: LogFields | undefined }[];
  /** Opens a raw connection to it; closed when the test is over. */
  connect(): Promise<RawConnection>;
  /** Sends bytes on a connection of their own, and gives the answer. */
  send(bytes: string | Buffer): Promise<Message>;
  /** Starts to drain; resolves when it is done. */
  drain(): Promise<void>;
}

/** A request's bytes, with the access key and a Host. */
export function rawRequest(method: string, path: string, headers: string[] = [], body = ''): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: gateway', `Authorization: Bearer ${ACCESS_KEY}`];
  return `${[...lines, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

/** A POST of a chat completion with a body of a stated length. */
export function rawPost(body: string, headers: string[] = []): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return rawRequest('POST', '/api/v1/chat/completions', [length, ...headers], body);
}

/** What a test may set otherwise. */
export interface GatewayOptions {
  secrets?: string[];
  upstream?: Partial<GatewayHandOver['upstream']>;
  settings?: Partial<Omit<GatewayHandOver, 'upstream' | 'kms' | 'host' | 'port'>>;
  limits?: Partial<ClientLimits>;
  now?: () => number;
}

/** Starts a gateway in front of `upstreamUrl`; it is drained when the test is over. */
export async function startTestGateway(
  upstreamUrl: string,
  options: GatewayOptions = {},
): Promise<GatewayUnderTest> {
  const keys = await startKeyService(options.secrets ?? [newSecret(), newSecret(), newSecret()]);
  const exchanges: Exchange[] = [];
  const log: GatewayUnderTest['log'] = [];
  const write = (level: LogLevel) => (message: string, fields?: LogFields) =>
    void log.push({ level, message, fields });
  const service = await startGateway(
    {
      host: '127.0.0.1',
      port: 0,
      accessKeys: [{ name: 'default', key: new Secret(ACCESS_KEY) }],
      kms: { socket: keys.socket, token: keys.token },
      upstream: {
        baseUrl: upstreamUrl,
        requestProxy: null,
        connectTimeoutMs: 2_000,
        firstByteTimeoutMs: 2_000,
        idleTimeoutMs: 2_000,
        deadlineMs: 20_000,
        maxAttempts: null,
        providerRetryDelayMs: 0,
        ...options.upstream,
      },
      publicEndpoints: ['/api/v1/models'],
      modelsCache: { enabled: true, ttlMs: 300_000 },
      metrics: { public: false, system: false },
      freeOnly: false,
      maxBodyBytes: 1024 * 1024,
      shutdownGraceMs: 1_000,
      log: { level: 'DEBUG', httpLevel: 'INFO', format: 'json' },
      ...options.settings,
    },
    {
      main: {
        log: (level, message, fields) => void log.push({ level, message, fields }),
        debug: write('DEBUG'),
        info: write('INFO'),
        warning: write('WARNING'),
        error: write('ERROR'),
        critical: write('CRITICAL'),
      },
      access: (exchange) => void exchanges.push(exchange),
    },
    { now: options.now ?? Date.now, limits: { ...CLIENT_LIMITS, ...options.limits } },
  );
  const connections: RawConnection[] = [];
  let drained: Promise<void> | undefined;
  const drain = () => (drained ??= service.drain());
  onTestFinished(async () => {
    for (const { socket } of connections) socket.destroy();
    await drain();
    await keys.stop();
  });
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    const connection = new RawConnection(socket, 'response');
    connections.push(connection);
    await once(socket, 'connect');
    return connection;
  };
  const { port } = service.address ?? { port: 0 };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    keys,
    exchanges,
    log,
    connect: open,
    async send(bytes) {
      const connection = await open();
      connection.reader.bodyless = bytes.toString().startsWith('HEAD ');
      connection.send(bytes);
      return connection.message();
    },
    drain,
  };
}
