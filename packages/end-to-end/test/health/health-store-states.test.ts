import { freePort } from '@openrouter-proxy/end-to-end';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { it, onTestFinished } from 'vitest';
import { startFront } from '../support/front.ts';
import { startBehind, startFake } from '../support/health-world.ts';
import { everySurfaceIsGreen, everySurfaceShows } from '../support/surfaces.ts';
import { temporaryFolder } from '../support/system.ts';

it('every surface shows that Redis is away', async () => {
  const port = await freePort();
  let redis = startRedis(port);
  const stop = async () => {
    redis.kill('SIGKILL');
    await redis;
  };
  onTestFinished(stop);
  const fake = await startFake();
  const front = await startFront(fake);
  const state = { backend: 'redis', redis: { url: `redis://127.0.0.1:${port}` } };
  const { system } = await startBehind(fake, front, { settings: { state } });
  await stop();
  const cause = 'store_away';
  const sentence = /^The state store cannot be reached since /;
  await everySurfaceShows(system, { cause, severity: 'critical', sentence });
  redis = startRedis(port);
  await everySurfaceIsGreen(system, cause);
});

it('every surface shows that the disk is full', async () => {
  const stateDir = await temporaryFolder();
  await execa('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'tmpfs', stateDir]);
  onTestFinished(async () => {
    await execa('umount', ['--lazy', stateDir]);
  });
  const fake = await startFake();
  const front = await startFront(fake);
  const { system } = await startBehind(fake, front, { settings: { state_dir: stateDir } });
  const filler = path.join(stateDir, 'filler');
  await writeFile(filler, Buffer.alloc(16 * 2 ** 20)).catch(() => undefined); // as much as fits
  const cause = 'store_unwritable';
  const sentence = /^The state of keys cannot be saved since .*: no room on the disk\.$/;
  await everySurfaceShows(system, { cause, severity: 'critical', sentence });
  await rm(filler);
  await everySurfaceIsGreen(system, cause);
});

function startRedis(port: number) {
  const quiet = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
  return execa('redis-server', ['--port', String(port), ...quiet], {
    reject: false,
    buffer: false,
  });
}
