import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { execa } from 'execa';

/** A process of a measurement. */
export interface Running {
  stop(): Promise<void>;
}

/** One that is known by its number. */
export interface Pinned extends Running {
  readonly pid: number;
}

/** Starts a program on one core. */
export async function startPinned(core: number, program: string, args: string[]): Promise<Pinned> {
  const child = execa('taskset', ['-c', String(core), program, ...args], {
    reject: false,
    stdout: 'ignore',
    stderr: 'inherit',
    env: { NODE_NO_WARNINGS: '1' },
  });
  await once(child.nodeChildProcess, 'spawn');
  return {
    pid: Number(child.pid), // taskset becomes the program
    async stop() {
      child.kill('SIGTERM');
      await child;
    },
  };
}

/** Those of a process's children whose command line has `part`. */
export async function childrenWith(parent: number, part: string): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const [stat, command] = await Promise.all([
      readFile(`/proc/${entry}/stat`, 'utf8').catch(() => ''),
      readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => ''),
    ]);
    const parentOf = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parentOf === parent && command.includes(part)) found.push(Number(entry));
  }
  return found;
}

/** The one of them. */
export async function childWith(parent: number, part: string): Promise<number> {
  const [child] = await childrenWith(parent, part);
  if (child === undefined) throw new Error(`no child of ${parent} has ${part} in its command line`);
  return child;
}

const TICK_US = 10_000; // USER_HZ is 100 wherever Linux runs (proc(5), /proc/pid/stat)

/** The CPU time that a process has taken so far, in microseconds. */
export async function cpuTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** Moves a running process to one core. */
export async function pin(pid: number, core: number): Promise<void> {
  await execa`taskset -a -c -p ${core} ${pid}`;
}
