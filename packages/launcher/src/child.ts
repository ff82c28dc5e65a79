import type { Address, ReadyMessage } from '@openrouter-proxy/runtime';
import { execa } from 'execa';
import type { Program } from './program.ts';

/** How a child process ended. */
export interface End {
  /** The exit code; null if a signal ended it, or it could not be started at all. */
  readonly code: number | null;
  /** By SIGKILL. */
  readonly wasKilled: boolean;
  /** The same for a person: "exited with code 1". */
  readonly description: string;
}

/** One run of a program as a child process. */
export interface Child {
  /** Resolves with its address when it says that it serves; stays pending if it never does. */
  readonly announced: Promise<Address | null>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<End>;
  /** Asks it to finish; it is killed when its grace is over. */
  stop(): void;
  /** Ends it at once. */
  kill(): void;
}

/**
 * Starts a program. Its standard input carries the hand-over and stays open as a life line: with the
 * IPC channel it is how the child learns that the launcher is gone, so nothing outlives a SIGKILL.
 */
export function startChild(program: Program, environment: Readonly<Record<string, string>>): Child {
  const subprocess = execa(process.execPath, [program.path], {
    env: environment,
    extendEnv: false,
    stdin: 'pipe',
    stdout: 'inherit',
    stderr: 'inherit',
    ipc: true,
    buffer: false,
    reject: false,
    cleanup: false, // the life line does it, in every case
    forceKillAfterDelay: program.stopGraceMs,
  });
  subprocess.stdin.on('error', () => undefined); // it ended before it read: its end is what counts
  subprocess.stdin.write(`${JSON.stringify(program.handOver())}\n`);
  const ended = subprocess.then(({ exitCode, signal, shortMessage }) => ({
    code: exitCode ?? null,
    wasKilled: signal === 'SIGKILL',
    description: describe(exitCode, signal, shortMessage),
  }));
  const announced = Promise.withResolvers<Address | null>();
  subprocess.nodeChildProcess.on('message', (message: unknown) => {
    if (isReadyMessage(message)) announced.resolve(message.ready.address);
  });
  return {
    announced: announced.promise,
    ended,
    stop: () => subprocess.kill('SIGTERM'),
    kill: () => subprocess.kill('SIGKILL'),
  };
}

const isReadyMessage = (message: unknown): message is ReadyMessage =>
  typeof message === 'object' && message !== null && 'ready' in message;

function describe(code?: number, signal?: string, otherwise?: string): string {
  if (signal !== undefined) return `was ended by ${signal}`;
  if (code !== undefined) return `exited with code ${code}`;
  return `could not be started: ${otherwise}`;
}
