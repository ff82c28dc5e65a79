import { on } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import { processes, type Process } from '../../support/processes.ts';
import { debianTree } from './debian-tree.ts';

/** A command that takes longer counts as hung. */
const COMMAND_HUNG_AFTER_MS = 5 * 60_000;

/** How a command inside a machine ended, and what it printed. */
export interface Outcome {
  readonly exitCode: number | undefined;
  readonly output: string;
}

/** A Debian that was booted with its own systemd, and with a network of its own. */
export interface Machine extends AsyncDisposable {
  /** Its root, as seen from here. */
  readonly root: string;
  /** Runs a program inside, as its root. */
  run(file: string, ...args: readonly string[]): Promise<Outcome>;
  /** The same, and what it printed; rejects when it fails. */
  ask(file: string, ...args: readonly string[]): Promise<string>;
  /** A process from here, in its network. Ends when the machine does. */
  inNetwork(file: string, ...args: readonly string[]): ReturnType<typeof startInNetwork>;
  /** Its processes, by the numbers they have here. */
  processes(): Promise<Process[]>;
}

const startInNetwork = (pid: number, file: string, args: readonly string[]) =>
  execa({ reject: false, all: true, stdin: 'pipe', timeout: COMMAND_HUNG_AFTER_MS })('nsenter', [
    `--net=/proc/${pid}/ns/net`,
    '--',
    file,
    ...args,
  ]);

/** What a process has printed when that holds `text`; rejects if it ends before. */
export async function said(
  child: ReturnType<typeof startInNetwork>,
  text: string,
): Promise<string> {
  let seen = '';
  for await (const [chunk] of on(child.all, 'data', { close: ['end'] })) {
    seen += String(chunk);
    if (seen.includes(text)) return seen;
  }
  throw new Error(`it ended without ${JSON.stringify(text)}, saying ${seen}`);
}

/** Boots a machine from a fresh copy of the tree; `folder` is `inside` it, and cannot be changed there. */
export async function bootMachine(folder: string, inside: string): Promise<Machine> {
  const home = await mkdtemp(path.join(tmpdir(), 'machine-'));
  const root = path.join(home, path.basename(home)); // its name: no two machines may share one
  await execa`cp -a --reflink=auto ${await debianTree()} ${root}`;
  await mkdir(path.join(root, inside), { recursive: true });
  const options = ['--private-network', '--register=no', '--keep-unit', '--console=pipe'];
  const nspawn = execa({ reject: false, all: true, stdin: 'ignore', forceKillAfterDelay: 20_000 })(
    'systemd-nspawn',
    ['--quiet', '--boot', `--directory=${root}`, `--bind-ro=${folder}:${inside}`, ...options],
  );
  const started: AsyncDisposable[] = [
    {
      [Symbol.asyncDispose]: async () => {
        nspawn.kill('SIGTERM'); // it powers the machine off
        await nspawn;
        await execa`rm -rf --one-file-system ${home}`;
      },
    },
  ];
  const end = async () => {
    for (const resource of started.toReversed()) await resource[Symbol.asyncDispose]();
  };
  try {
    const init = await initOf(nspawn.pid ?? 0);
    await booted(init);
    return machine(root, init, started, end);
  } catch (error) {
    await end();
    throw new Error(`the machine did not boot: ${(await nspawn).all}`, { cause: error });
  }
}

function machine(
  root: string,
  init: number,
  started: AsyncDisposable[],
  end: () => Promise<void>,
): Machine {
  const run = (file: string, ...args: readonly string[]) => runInside(init, file, args);
  return {
    root,
    run,
    ask: async (file, ...args) => {
      const { exitCode, output } = await run(file, ...args);
      if (exitCode === 0) return output;
      throw new Error(`${file} ${args.join(' ')} ended with ${exitCode}: ${output}`);
    },
    inNetwork: (file, ...args) => {
      const child = startInNetwork(init, file, args);
      started.push({
        [Symbol.asyncDispose]: async () => {
          child.kill();
          await child;
        },
      });
      return child;
    },
    processes: async () => {
      const own = await readlink(`/proc/${init}/ns/pid`);
      const all = await Promise.all(
        processes().map(async (process) => {
          const namespace = await readlink(`/proc/${process.pid}/ns/pid`).catch(() => '');
          return namespace === own ? [process] : [];
        }),
      );
      return all.flat();
    },
    [Symbol.asyncDispose]: end,
  };
}

async function runInside(init: number, file: string, args: readonly string[]): Promise<Outcome> {
  const { exitCode, all } = await execa({
    reject: false,
    all: true,
    stdin: 'ignore',
    extendEnv: false,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    timeout: COMMAND_HUNG_AFTER_MS,
  })('nsenter', ['--target', String(init), '--all', '--', file, ...args]);
  return { exitCode, output: all };
}

/** PID 1 of the machine, once there is one; nspawn has other, short-lived children before. */
async function initOf(nspawn: number): Promise<number> {
  while (existsSync(`/proc/${nspawn}`)) {
    const children = await readFile(`/proc/${nspawn}/task/${nspawn}/children`, 'utf8');
    for (const child of children.split(' ').filter(Boolean)) {
      const status = await readFile(`/proc/${child}/status`, 'utf8').catch(() => '');
      if (/^NSpid:.*\t1$/m.test(status)) return Number(child);
    }
    await setTimeout(20);
  }
  throw new Error('it has no first process');
}

/** Waits until everything is started that is started at boot, even if some of it has failed. */
async function booted(init: number): Promise<void> {
  while (existsSync(`/proc/${init}`)) {
    const { output } = await runInside(init, 'systemctl', ['is-system-running', '--wait']);
    if (['running', 'degraded'].includes(output.trim())) return;
    await setTimeout(100);
  }
  throw new Error('its systemd does not answer');
}
