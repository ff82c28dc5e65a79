import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRedisUrl, type RedisUrl } from '@openrouter-proxy/config';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { watchForKeys, type KeyWatch } from './key-watch.ts';
import { useTempFolders } from './temp-folder.ts';

const START_WITHIN_MS = 2 * 60_000;

/** A real Redis of its own. */
export interface RedisServer {
  readonly port: number;
  /** By its Unix socket. */
  readonly url: string;
  /** Everything it has been told; whatever test starts a server fails if it was told a key. */
  readonly watch: KeyWatch;
  /** Runs a command as an administrator. */
  admin(command: string, ...values: (string | number)[]): Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
  /** Starts it again with what it has saved; it answers when this resolves. */
  restart(): Promise<void>;
  /** Resolves when the process has ended. */
  stop(): Promise<void>;
}

/** Reads a URL that is known to be one. */
export function redisUrl(url: string): RedisUrl {
  const reading = readRedisUrl(url);
  if ('problem' in reading) throw new Error(reading.problem);
  return reading.value;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Starts Redis servers, and stops them after each test. */
export function useRedisServers() {
  const newFolder = useTempFolders();
  const started: RedisServer[] = [];
  afterEach(async () => {
    const servers = started.splice(0);
    await Promise.all(servers.map((server) => server.stop()));
    servers.forEach(refuseKeys);
  });
  return async (...options: string[]): Promise<RedisServer> => {
    const server = await startRedis(newFolder(), await freePort(), options);
    started.push(server);
    return server;
  };
}

/** One server for all tests of a suite. */
export function useRedis(): () => RedisServer {
  let server: RedisServer | undefined;
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kms-redis-'));
    server = await startRedis(folder, await freePort());
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true });
    if (server !== undefined) refuseKeys(server);
  });
  return () => {
    if (server === undefined) throw new Error('it is there only while tests run');
    return server;
  };
}

/** No Redis is ever told a key, whatever a test does. */
function refuseKeys({ watch }: RedisServer): void {
  watch.stop();
  if (watch.found.length > 0) throw new Error(`Redis was told a key: ${watch.found.join()}`);
}

/** Starts a server in a folder. */
async function startRedis(
  folder: string,
  port: number,
  options: readonly string[] = [],
): Promise<RedisServer> {
  const socket = join(folder, 'redis.sock');
  let server = await launch();
  const watch = watchForKeys(socket);

  async function launch(): Promise<ChildProcess> {
    const child = spawn(
      'redis-server',
      [
        ...['--port', `${port}`, '--bind', '127.0.0.1', '--unixsocket', socket, '--dir', folder],
        ...['--save', '', '--appendonly', 'no', '--enable-debug-command', 'yes', ...options],
      ],
      { stdio: 'ignore' },
    );
    const until = performance.now() + START_WITHIN_MS;
    while (!(await answers(socket))) {
      if (performance.now() > until || child.exitCode !== null) {
        throw new Error(`redis-server did not start: ${child.exitCode}`);
      }
      await sleep(10);
    }
    return child;
  }

  async function stop(): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  return {
    port,
    url: `unix://${socket}`,
    watch,
    admin: (command, ...values) =>
      withAdmin(socket, (redis) => redis.call(command, ...values.map(String))),
    kill: (signal) => void server.kill(signal),
    stop,
    async restart() {
      await stop();
      server = await launch();
    },
  };
}

async function answers(socket: string): Promise<boolean> {
  try {
    return (await withAdmin(socket, (redis) => redis.call('PING'))) === 'PONG';
  } catch (error) {
    return error instanceof Error && /NOAUTH|LOADING/.test(error.message);
  }
}

async function withAdmin<T>(socket: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({ path: socket, lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined); // the command that follows rejects with it
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** What a sentinel says of itself. */
export async function sentinelInfo(port: number): Promise<string> {
  const redis = new Redis({ port, lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined); // the command that follows rejects with it
  try {
    return String(await redis.call('INFO', 'sentinel'));
  } catch {
    return 'it is not there yet';
  } finally {
    redis.disconnect();
  }
}
