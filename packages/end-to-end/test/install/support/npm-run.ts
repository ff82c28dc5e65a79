import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

/** Where and how a command of the checkout is run. */
export interface RunOptions {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Comes before the command: `setpriv …`, `unshare …`. */
  readonly within?: readonly string[];
}

/** How a command that ends by itself has ended. */
export interface Ended {
  readonly exitCode: number | undefined;
  /** Both outputs. */
  readonly output: string;
}

/** Runs a command to its end. */
export async function run(command: readonly string[], options: RunOptions): Promise<Ended> {
  const [program = '', ...args] = [...(options.within ?? []), ...command];
  const { exitCode, all } = await execa(program, args, {
    cwd: options.folder,
    env: options.env,
    extendEnv: false,
    reject: false,
    all: true,
    stdin: 'ignore',
  });
  return { exitCode, output: all };
}

/** A command that runs until it is stopped. */
export interface Running {
  /** The line of its output that was waited for. */
  readonly line: string;
  /** Everything it has printed. */
  output(): string;
  /** Ends it as Ctrl-C does, with its whole group. Resolves when it has ended. */
  stop(): Promise<void>;
}

/** Starts a command and waits for a line of its output. Rejects with the output if it ends before. */
export async function runUntil(
  command: readonly string[],
  isAwaited: (line: string) => boolean,
  options: RunOptions,
): Promise<Running> {
  const [program = '', ...args] = [...(options.within ?? []), ...command];
  const child = execa(program, args, {
    cwd: options.folder,
    env: options.env,
    extendEnv: false,
    reject: false,
    all: true,
    stdin: 'ignore',
    buffer: false,
    detached: true, // a group of its own, as a terminal would give it
  });
  const group = -Number(child.pid);
  const kill = (signal: NodeJS.Signals) => {
    try {
      process.kill(group, signal);
    } catch {
      // it has ended
    }
  };
  onTestFinished(async () => {
    kill('SIGKILL');
    await child;
  });
  const lines: string[] = [];
  const found = Promise.withResolvers<string>();
  createInterface({ input: child.all }).on('line', (line) => {
    lines.push(line);
    if (isAwaited(line)) found.resolve(line);
  });
  const ended = child.then(() => {
    throw new Error(`it ended before:\n${lines.join('\n')}`);
  });
  return {
    line: await Promise.race([found.promise, ended]),
    output: () => lines.join('\n'),
    async stop() {
      kill('SIGINT');
      await child;
    },
  };
}

/** `npm start`, ready to serve. */
export async function npmStart(options: RunOptions): Promise<Running & { readonly url: string }> {
  const running = await runUntil(['npm', 'start'], (line) => line.includes('"ready"'), options);
  const { clients } = JSON.parse(running.line) as { clients: string };
  return { ...running, url: clients.replace('/api/v1', '') };
}
