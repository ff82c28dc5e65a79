import { readFileSync } from 'node:fs';
import type { RedisUrl } from '@openrouter-proxy/config';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Script, ScriptArguments } from './script.ts';

/** What a command may take: longer, and it is as good as lost. */
export const COMMAND_TIMEOUT_MS = 400;
const CONNECT_TIMEOUT_MS = 600;
const LONGEST_PAUSE_MS = 200;
/** A connection that does not close is torn down. */
const CLOSE_TIMEOUT_MS = 50;

/** How often a connection is tried anew: at once at first, then at a steady pace. */
const pause = (attempt: number) => Math.min(LONGEST_PAUSE_MS, attempt * 25);

/** The constructor knows that what it is not told is left out. */
type ServerOptions = Omit<RedisOptions, 'replyMapping'>;

/** The options of every connection to a server: nothing waits for one that is not there. */
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
    enableReadyCheck: false, // needs INFO; a server that loads says so to each command
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false, // that it fails would be nobody's to handle
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: CLOSE_TIMEOUT_MS,
    keepAlive: 5_000,
    retryStrategy: pause,
  }; // `disconnectTimeout` has a default, and is missing from the type
}

/** Reads the certificates that a URL names. Throws what `readFileSync` throws. */
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
    } as ConstructorParameters<typeof Cluster>[1]); // `maxRetriesPerRequest` is passed on
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

/** What a connection is told to do, and tells. */
export interface ConnectionOptions {
  readonly url: RedisUrl;
  /** A channel that is listened to, on a connection of its own. */
  readonly listen?: { readonly channel: string; readonly onMessage: (message: string) => void };
  /** The server may be another one now, or may be there again. */
  readonly onReady: () => void;
}

/** The connections to Redis: one for commands, one that listens. */
export class Connection {
  readonly #commands: Redis | Cluster;
  readonly #listener: Redis | Cluster;
  /** What the last connection failed with; its text says why nothing can be written. */
  #trouble: Error | undefined;
  #isClosed = false;

  constructor({ url, listen, onReady }: ConnectionOptions) {
    this.#commands = open(url);
    // A connection that listens can do nothing else; of a cluster's, one does.
    const needsOwn = listen !== undefined && url.kind !== 'cluster';
    this.#listener = needsOwn ? open(url) : this.#commands;
    for (const client of this.#clients()) {
      client.on('error', (error: Error) => (this.#trouble = error));
      client.on('end', () => this.#beginAnew(client));
    }
    this.#commands.on('ready', onReady);
    if (listen === undefined) return;
    this.#listener.on('ready', () => {
      // Lost, the changes are found by the next look.
      this.#listener.subscribe(listen.channel).catch(() => undefined);
    });
    this.#listener.on('message', (_channel: string, message: string) => listen.onMessage(message));
  }

  /** Runs a script, and has Redis learn it where it does not know it. Rejects with ioredis' error. */
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

  /** Why there was no connection says more than that there was none. */
  #told(error: unknown): unknown {
    const isWithout = error instanceof Error && error.message.includes("isn't writeable");
    return isWithout ? (this.#trouble ?? error) : error;
  }

  /** Leaves a connection on which nothing comes back for a new one. */
  renew(): void {
    for (const client of this.#clients()) client.disconnect(true);
  }

  /** A failover that is announced while ioredis looks for the master makes it give up for good. */
  #beginAnew(client: Redis | Cluster): void {
    if (this.#isClosed) return;
    const connect = () => {
      if (!this.#isClosed) client.connect().catch(() => undefined); // `end` follows, or another try
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
