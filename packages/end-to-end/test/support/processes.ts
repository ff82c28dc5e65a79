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

/** Every process of the machine. */
export function processes(): Process[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      const stat = read(`/proc/${entry}/stat`);
      if (stat === '') return [];
      const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = read(`/proc/${entry}/cmdline`).replaceAll('\0', ' ');
      return [{ pid: Number(entry), parent: Number(parent), state, command }];
    });
}

/** A process and all that descend from it. */
export function family(pid: number): Process[] {
  const all = processes();
  const members = all.filter((process) => process.pid === pid);
  for (const member of members) {
    members.push(...all.filter(({ parent }) => parent === member.pid));
  }
  return members;
}

/** A program that the launcher starts. */
export type ChildProgram = 'kms' | 'gateway';

/** The running child of the launcher that is a program, if there is one. */
export function childOf(launcher: number, program: ChildProgram): Process | undefined {
  return family(launcher).find(
    ({ parent, command, state }) =>
      parent === launcher && state !== 'Z' && command.includes(`/dist/${program}.js`),
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
export const isRunning = (pid: number): boolean =>
  processes().some((process) => process.pid === pid && process.state !== 'Z');

/** What a process was started with: its arguments and its environment, as any process of the user can read them. */
export function startedWith(pid: number): string {
  return read(`/proc/${pid}/cmdline`) + read(`/proc/${pid}/environ`);
}
