import { existsSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './processes.ts';

const ROOT = '/sys/fs/cgroup';
const PERIOD_US = 10_000;

/** The files of a group that bound its CPU time, in cgroups 1 and 2 (the kernel's docs, "CFS Bandwidth Control"). */
function filesOf(us: number): { parent: string; limits: Record<string, string> } {
  if (existsSync(path.join(ROOT, 'cgroup.controllers'))) {
    return { parent: ROOT, limits: { 'cpu.max': `${us} ${PERIOD_US}` } };
  }
  return {
    parent: path.join(ROOT, 'cpu'),
    limits: { 'cpu.cfs_period_us': `${PERIOD_US}`, 'cpu.cfs_quota_us': `${us}` },
  };
}

/**
 * Lets a process have no more than a part of a core, as if it ran on a slower one that is all its own;
 * needs root. Once the process has ended, `stop` removes what was made for it.
 */
export async function confine(pid: number, share: number): Promise<Running> {
  const { parent, limits } = filesOf(Math.round(PERIOD_US * share));
  const group = path.join(parent, `bench-${pid}`);
  await mkdir(group);
  for (const [file, text] of Object.entries(limits)) await writeFile(path.join(group, file), text);
  await writeFile(path.join(group, 'cgroup.procs'), `${pid}`);
  return {
    async stop() {
      while (existsSync(group)) {
        await rmdir(group).catch(() => sleep(50)); // until its process is gone
      }
    },
  };
}
