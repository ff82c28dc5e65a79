import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { temporaryFolder } from '../../support/system.ts';
import type { Host } from './network.ts';

const SOURCE = path.resolve(import.meta.dirname, '../fixtures/fast-clock.c');

/** Time that runs faster for some programs: all of them have the same. */
export interface FastClock {
  /** The same host, where what runs has this time. */
  at(host: Host): Host;
}

/** Makes time that runs so many times as fast as it really does. */
export async function makeFastClock(factor: number): Promise<FastClock> {
  const folder = await temporaryFolder();
  const library = path.join(folder, 'fast-clock.so');
  const origin = Math.floor(Date.now() / 1000);
  await execa('cc', [
    ...['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror'],
    ...[`-DFACTOR=${factor}`, `-DORIGIN=${origin}`, '-o', library, SOURCE],
  ]);
  const etc = path.join(folder, 'etc');
  await mkdir(etc);
  await writeFile(path.join(etc, 'ld.so.preload'), `${library}\n`);
  // The launcher gives its children an environment of its own making: LD_PRELOAD would not reach them.
  const script = 'mount -t overlay overlay -o "lowerdir=$0:/etc" /etc && exec "$@"';
  return {
    at: (host) => ({
      ...host,
      within: ['unshare', '--mount', 'sh', '-c', script, etc, ...host.within],
    }),
  };
}
