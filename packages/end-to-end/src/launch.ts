import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { Log } from './log.ts';
import { PROGRAMS } from './programs.ts';

/** Content of `config.yml`. */
export type Settings = Readonly<Record<string, Readonly<Record<string, unknown>> | string>>;

/** How the launcher is started. */
export interface LaunchOptions {
  /** Its working directory, with `config.yml` and all that it writes; created if missing. */
  readonly folder: string;
  readonly settings: Settings;
  /** All variables that it gets besides PATH. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Arguments after those that name the configuration. */
  readonly args?: readonly string[];
  /** False: the configuration is not named, but found in the working directory. */
  readonly isNamed?: boolean;
  /** A command line that runs another one elsewhere, such as in a network namespace. */
  readonly within?: readonly string[];
  /** The launcher of another build. */
  readonly launcher?: string;
  /** The log goes to this file of the folder. Once the product is ready, memory keeps none of it. */
  readonly logFile?: string;
  /** It gets a process group of its own, as from a terminal, and outlives a caller that dies. */
  readonly hasOwnGroup?: boolean;
}

/** The launcher's program, which may not serve yet, or never. */
export interface LaunchedProduct {
  readonly pid: number;
  /** Its configuration file. */
  readonly config: string;
  /** Standard output, and standard error, so far. */
  readonly stdout: Log;
  readonly stderr: Log;
  /** Replaces the content of the configuration file. */
  readonly configure: (settings: Settings) => Promise<void>;
  /** Sends a signal to the launcher, or to its own process group as Ctrl-C does. */
  readonly signal: (name: NodeJS.Signals, to?: 'launcher' | 'group') => void;
  /** Resolves with the exit code; undefined if a signal ended it. */
  readonly ended: Promise<number | undefined>;
  /** Asks it to stop; resolves with the exit code. */
  readonly stop: () => Promise<number | undefined>;
}

/** Starts the launcher. */
export async function launchProduct(options: LaunchOptions): Promise<LaunchedProduct> {
  const { folder, settings, logFile } = options;
  const config = path.join(folder, 'config.yml');
  const configure = (changed: Settings) =>
    writeFile(config, JSON.stringify(changed), { mode: 0o600 });
  await mkdir(folder, { recursive: true });
  await configure(settings);
  const child = spawn(options, config);
  const pid = child.pid ?? NaN;
  const [stdout, stderr] = [new Log(), new Log()];
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.take(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.take(text));
  if (logFile !== undefined) child.stdout.pipe(createWriteStream(path.join(folder, logFile)));
  const ended = child.then(({ exitCode }) => exitCode);
  return {
    ...{ pid, config, stdout, stderr, configure, ended },
    signal(name, to = 'launcher') {
      if (to === 'group') process.kill(-pid, name);
      else child.kill(name);
    },
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

function spawn(options: LaunchOptions, config: string) {
  const { folder, environment, args = [], isNamed = true, within = [] } = options;
  const [program = '', ...rest] = [
    ...within,
    ...[process.execPath, options.launcher ?? PROGRAMS.launcher],
    ...(isNamed ? ['--config', config] : []),
    ...args,
  ];
  return execa(program, rest, {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    extendEnv: false,
    detached: options.hasOwnGroup ?? false,
    reject: false,
    buffer: false, // execa ends a program that prints more than it keeps
  });
}
