import { readFileSync } from 'node:fs';
import type { RedisUrl } from '@openrouter-proxy/config';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Script, ScriptArguments } from './script.ts';

/** The deadline of a command. */
export const COMMAND_TIMEOUT_MS = 400;
const CONNECT_TIMEOUT_MS = 600;
const LONGEST_PAUSE_MS = 200;
/** A connection that does not close within this time is destroyed. */
const CLOSE_TIMEOUT_MS = 50;

/** The delay before the next attempt to connect: short at first, then constant. */
const pause = (attempt: number) => Math.min(LONGEST_PAUSE_MS, attempt * 25);

/** The constructor accepts this type with missing members. */
type ServerOptions = Omit<RedisOptions, 'replyMapping'>;

/** The options of every connection to a server. Commands fail at once without a connection. */
function serverOptions(url: RedisUrl): ServerOptions {
  const { username, password, database, isEncrypted, options } = url;
  return {
    db: database,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(isEncrypted ? { tls: certificates(options) } : {}),
    protocol: 2,
    connectionName: 'openrouter-proxy',
    disableClientInfo: true,
    enableReadyCheck: false, // needs INFO; a loading server answers each command with an error
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false, // nothing could handle its failure
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: CLOSE_TIMEOUT_MS,
    keepAlive: 5_000,
    retryStrategy: pause,
  }; // `disconnectTimeout` has a default, and is missing in the type
}

/** Reads the certificates named in a URL. Throws the errors of `readFileSync`. */
function certificates({ ca_file, cert_file, key_file }: RedisUrl['options']) {
  return {
    ...(ca_file === undefined ? {} : { ca: readFileSync(ca_file) }),
    ...(cert_file === undefined ? {} : { cert: readFileSync(cert_file) }),
    ...(key_file === undefined ? {} : { key: readFileSync(key_file) }),
  };
}

function open(url: RedisUrl): Redis | Cluster {
  const options = serverOptions(url);
  const { kind, addresses, master, isEncrypted } = url;
  const { sentinel_password: sentinelPassword } = url.options;
  const hosts = addresses.flatMap((address) => ('host' in address ? [{ ...address }] : []));
  if (kind === 'cluster') {
    return new Cluster(hosts, {
      redisOptions: options,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      clusterRetryStrategy: pause,
      slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
      retryDelayOnTryAgain: LONGEST_PAUSE_MS,
      dnsLookup: (address, done) => done(null, address), // certificates name hosts, not addresses
    } as ConstructorParameters<typeof Cluster>[1]); // `maxRetriesPerRequest` is passed on to each node
  }
  if (kind === 'sentinel') {
    return new Redis({
      ...options,
      sentinels: hosts,
      name: master,
      enableTLSForSentinelMode: isEncrypted,
      sentinelRetryStrategy: pause,
      failoverDetector: true,
      sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    });
  }
  const [address] = addresses;
  return new Redis({ ...options, ...address });
}

/** Options of a connection. */
export interface ConnectionOptions {
  readonly url: RedisUrl;
  /** A channel to subscribe to, on a second connection. */
  readonly listen?: { readonly channel: string; readonly onMessage: (message: string) => void };
  /** Called after each connect: the server may be another one. */
  readonly onReady: () => void;
}

/** The connections to Redis: one for commands, one for messages. */
export class Connection {
  readonly #commands: Redis | Cluster;
  readonly #listener: Redis | Cluster;
  /** The error of the last connection: it says why commands cannot be sent. */
  #trouble: Error | undefined;
  #isClosed = false;

  constructor({ url, listen, onReady }: ConnectionOptions) {
    this.#commands = open(url);
    // A subscribed connection cannot send commands. A cluster client handles this itself.
    const needsOwn = listen !== undefined && url.kind !== 'cluster';
    this.#listener = needsOwn ? open(url) : this.#commands;
    for (const client of this.#clients()) {
      client.on('error', (error: Error) => (this.#trouble = error));
      client.on('end', () => this.#beginAnew(client));
    }
    this.#commands.on('ready', onReady);
    if (listen === undefined) return;
    this.#listener.on('ready', () => {
      // Without messages, the next heartbeat finds the changes.
      this.#listener.subscribe(listen.channel).catch(() => undefined);
    });
    this.#listener.on('message', (_channel: string, message: string) => listen.onMessage(message));
  }

  /** Runs a script, and loads it into Redis if it is missing there. Rejects with ioredis' error. */
  async run({ digest, source }: Script, { keys, values }: ScriptArguments): Promise<unknown> {
    const rest = [keys.length, ...keys, ...values];
    try {
      return await this.#commands.call('EVALSHA', [digest, ...rest]);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT')))
        throw this.#told(error);
      return await this.#commands.call('EVAL', [source, ...rest]);
    }
  }

  /** Replaces "not writable" by the reason why there is no connection. */
  #told(error: unknown): unknown {
    const isWithout = error instanceof Error && error.message.includes("isn't writeable");
    return isWithout ? (this.#trouble ?? error) : error;
  }

  /** Replaces a connection that does not answer. */
  renew(): void {
    for (const client of this.#clients()) client.disconnect(true);
  }

  /** A failover announced while ioredis looks for the master makes it give up. */
  #beginAnew(client: Redis | Cluster): void {
    if (this.#isClosed) return;
    const connect = () => {
      if (!this.#isClosed) client.connect().catch(() => undefined); // `end` follows, or another attempt
    };
    setTimeout(connect, LONGEST_PAUSE_MS).unref();
  }

  close(): void {
    this.#isClosed = true;
    for (const client of this.#clients()) client.disconnect();
  }

  #clients(): Set<Redis | Cluster> {
    return new Set([this.#commands, this.#listener]);
  }
}
