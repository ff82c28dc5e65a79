import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { systemClock, type Clock, type LogFields, type LogLevel } from '@openrouter-proxy/runtime';
import type { RequestRecord } from '../../src/request/request-record.ts';
import { SERVER_TIMEOUTS, type ServerTimeouts } from '../../src/http/server-timeouts.ts';
import { startGateway } from '../../src/gateway.ts';
import { ACCESS_KEY, configuration, type HandOverOptions } from './process-configuration.ts';
import type { Message } from './http-message.ts';
import { RawConnection } from './raw-connection.ts';
import { startKeyService, type KeyService } from './key-service.ts';

export { ACCESS_KEY };

/** A value shaped like an OpenRouter key, new at each call. */
export function newSecret(): string {
  return `sk-or-v1-${randomBytes(32).toString('hex')}`;
}

/** A gateway of a test's own, with its key service. */
export interface GatewayUnderTest {
  url: string;
  port: number;
  keys: KeyService;
  /** The request bodies that are on disk. */
  spool: { readonly usedBytes: number };
  /** Requests that are over. */
  records: RequestRecord[];
  log: { level: LogLevel; message: string; fields?: LogFields | undefined }[];
  /** Opens a raw connection to it, from an address of the loopback if so wanted; closed when the test is over. */
  connect(from?: string): Promise<RawConnection>;
  /** Sends bytes on a connection of their own, and gives the answer. */
  send(bytes: string | Buffer, from?: string): Promise<Message>;
  /** Starts to drain; resolves when it is done. */
  drain(): Promise<void>;
}

/** A request's bytes, with the access key and a Host. */
export function rawRequest(
  method: string,
  path: string,
  headers: string[] = [],
  body = '',
): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: gateway',
    `Authorization: Bearer ${ACCESS_KEY}`,
  ];
  return `${[...lines, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

/** A POST of a chat completion with a body of a stated length. */
export function rawPost(body: string, headers: string[] = []): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return rawRequest('POST', '/api/v1/chat/completions', [length, ...headers], body);
}

/** What a test may set otherwise. */
export interface GatewayOptions extends HandOverOptions {
  secrets?: string[];
  limits?: Partial<ServerTimeouts>;
  now?: () => number;
  sleep?: Clock['sleep'];
  checkMs?: number;
}

/** Starts a gateway in front of `upstreamUrl`; it is drained when the test is over. */
export async function startTestGateway(
  upstreamUrl: string,
  options: GatewayOptions = {},
): Promise<GatewayUnderTest> {
  const keys = await startKeyService(options.secrets ?? [newSecret(), newSecret(), newSecret()]);
  const records: RequestRecord[] = [];
  const log: GatewayUnderTest['log'] = [];
  const write = (level: LogLevel) => (message: string, fields?: LogFields) =>
    void log.push({ level, message, fields });
  const service = await startGateway(
    configuration(upstreamUrl, { socket: keys.socket, token: keys.token }, options),
    {
      main: {
        log: (level, message, fields) => void log.push({ level, message, fields }),
        debug: write('DEBUG'),
        info: write('INFO'),
        warning: write('WARNING'),
        error: write('ERROR'),
        critical: write('CRITICAL'),
      },
      access: (record) => void records.push(record),
    },
    {
      now: options.now ?? Date.now,
      sleep: options.sleep ?? ((ms, signal) => systemClock.sleep(ms, signal)),
      limits: { ...SERVER_TIMEOUTS, ...options.limits },
      ...(options.checkMs === undefined ? {} : { checkMs: options.checkMs }),
    },
  );
  const connections: RawConnection[] = [];
  let drained: Promise<void> | undefined;
  const drain = () => (drained ??= service.drain());
  onTestFinished(async () => {
    for (const { socket } of connections) socket.destroy();
    await drain();
    await keys.stop();
  });
  const open = async (localAddress = '127.0.0.1') => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
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
    spool: service.spool,
    records,
    log,
    connect: open,
    async send(bytes, from) {
      const connection = await open(from);
      connection.reader.bodyless = bytes.toString().startsWith('HEAD ');
      connection.send(bytes);
      return connection.message();
    },
    drain,
  };
}
