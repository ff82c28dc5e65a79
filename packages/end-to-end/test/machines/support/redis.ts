import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { expect, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../support/system.ts';
import type { Host } from './network.ts';

const PORT = 6379;
const START_WITHIN_MS = 2 * 60_000;

/** A Redis on a host; it keeps nothing when it ends. */
export interface RedisAt {
  readonly host: Host;
  readonly url: string;
  /** Gives what `redis-cli` prints. */
  admin(...command: string[]): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** Starts it again after it was killed. */
  start(): Promise<void>;
}

/** Starts a Redis; it is ended when the test is over. */
export async function startRedis(host: Host): Promise<RedisAt> {
  const folder = await temporaryFolder();
  const [program = '', ...within] = host.within;
  const launch = () =>
    execa(
      program,
      [
        ...[...within, 'redis-server', '--port', `${PORT}`, '--bind', host.address],
        ...['--protected-mode', 'no', '--save', '', '--appendonly', 'no', '--dir', folder],
      ],
      { reject: false, stdout: 'ignore', stderr: 'ignore' },
    );
  let server = launch();
  const told: string[] = [];
  /** What it is told (Redis docs, "MONITOR") is looked through for keys for as long as it lives. */
  const listen = () => {
    const listener = execa('redis-cli', ['-h', host.address, 'MONITOR'], {
      reject: false,
      buffer: false,
    });
    createInterface({ input: listener.stdout }).on('line', (line) => {
      if (/sk-or-/i.test(line)) told.push(line);
    });
  };
  const admin = async (...command: string[]) => {
    const { stdout } = await execa('redis-cli', ['-h', host.address, ...command], {
      timeout: 60_000,
    });
    return stdout;
  };
  const answers = async () => (await admin('PING').catch(() => '')) === 'PONG';
  const isUp = async () => {
    const until = performance.now() + START_WITHIN_MS;
    while (!(await answers())) {
      if (performance.now() > until) throw new Error('redis-server did not start');
      await sleep(20);
    }
  };
  onTestFinished(async () => {
    server.kill('SIGKILL');
    await server;
    expect(told).toEqual([]);
  });
  await isUp();
  listen();
  return {
    host,
    url: `redis://${host.address}:${PORT}`,
    admin,
    signal: (signal) => void server.kill(signal),
    async start() {
      if (
        server.nodeChildProcess.exitCode === null &&
        server.nodeChildProcess.signalCode === null
      ) {
        await once(server.nodeChildProcess, 'exit');
      }
      server = launch();
      await isUp();
      listen();
    },
  };
}
