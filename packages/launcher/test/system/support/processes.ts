import { readdirSync, readFileSync } from 'node:fs';

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

/** The running child of the launcher whose command line has `part`, if there is one. */
export function childOf(launcher: number, part: string): Process | undefined {
  return family(launcher).find(
    ({ parent, command, state }) => parent === launcher && state !== 'Z' && command.includes(part),
  );
}

/** What a process was started with: its arguments and its environment, as any process of the user can read them. */
export function startedWith(pid: number): string {
  return read(`/proc/${pid}/cmdline`) + read(`/proc/${pid}/environ`);
}
