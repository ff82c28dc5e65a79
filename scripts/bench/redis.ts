import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { Pinned } from './processes.ts';

/** A Redis that keeps nothing, and where it listens. */
export interface Redis extends Pinned {
  readonly url: string;
}

/** Starts one in a folder; it listens when this resolves. */
export async function startRedis(folder: string): Promise<Redis> {
  const socket = path.join(folder, 'redis.sock');
  const child = execa(
    'redis-server',
    ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no'],
    { reject: false, stdout: 'ignore' },
  );
  while (!existsSync(socket)) await sleep(10);
  return {
    url: `unix://${socket}`,
    pid: Number(child.pid),
    async stop() {
      child.kill('SIGTERM');
      await child;
    },
  };
}
