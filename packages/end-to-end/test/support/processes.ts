import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** A process, as /proc tells of it. */
export interface Process {
  pid: number;
  parent: number;
  /** Z is a zombie. */
  state: string;
  command: string;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended meanwhile, or is not ours to read
  }
}

/** A process, if it is there. */
function processOf(pid: number): Process | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === '') return undefined;
  const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
  return { pid, parent: Number(parent), state, command };
}

/** Every process of the machine. */
export const processes = (): Process[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => processOf(Number(entry)))
    .filter((process) => process !== undefined);

/** The children of a process, whichever of its threads started them; not the machine's other processes. */
export function childrenOf(pid: number): Process[] {
  const lists = threadsOf(pid).map((thread) => read(`/proc/${pid}/task/${thread}/children`));
  const children = lists.join(' ').split(' ').filter(Boolean).map(Number);
  return children.map(processOf).filter((process) => process !== undefined);
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended
  }
}

/** A process and all that descend from it. */
export function family(pid: number): Process[] {
  const members = [processOf(pid)].filter((process) => process !== undefined);
  for (const member of members) members.push(...childrenOf(member.pid));
  return members;
}

/** A program that the launcher starts. */
export type ChildProgram = 'kms' | 'gateway';

/** The running child of the launcher that is a program, if there is one. */
export function childOf(launcher: number, program: ChildProgram): Process | undefined {
  return childrenOf(launcher).find(
    ({ command, state }) => state !== 'Z' && command.includes(`/dist/${program}.js`),
  );
}

/** Kills the child of the launcher that is a program, as soon as there is one; resolves with its process id. */
export async function killChild(launcher: number, program: ChildProgram): Promise<number> {
  let victim: Process | undefined;
  await expect.poll(() => (victim = childOf(launcher, program))).toBeDefined();
  const pid = victim?.pid ?? NaN;
  process.kill(pid, 'SIGKILL');
  return pid;
}

/** Whether a process still runs code: a zombie does not. */
export function isRunning(pid: number): boolean {
  const process = processOf(pid);
  return process !== undefined && process.state !== 'Z';
}

/** Whether a process is there, also as a zombie. */
export const isThere = (pid: number): boolean => processOf(pid) !== undefined;

/** What a process was started with: its arguments and its environment, as any process of the user can read them. */
export function startedWith(pid: number): string {
  return read(`/proc/${pid}/cmdline`) + read(`/proc/${pid}/environ`);
}
