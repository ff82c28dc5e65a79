import { IpcLink, configureOver, type Address, type ReadyMessage } from '@openrouter-proxy/runtime';
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
  /** Sends it its configuration, for which it waits. It does nothing before. */
  begin(): void;
  /** Resolves with its address when it says that it serves; stays pending if it never does. */
  readonly announced: Promise<Address | null>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<End>;
  /** Tells it what to run with from now on; why it could not take it, if so. */
  configure(configuration: unknown): Promise<string | null>;
  /** Asks it something; null if it does not answer within `timeoutMs`. */
  ask(what: unknown, timeoutMs: number): Promise<unknown>;
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
    forceKillAfterDelay: false, // the grace may be another by then
  });
  subprocess.stdin.on('error', () => undefined); // it ended before it read: its end is what counts
  const ended = subprocess.then(endOf);
  const announced = Promise.withResolvers<Address | null>();
  const link = new IpcLink(
    (message) => void subprocess.nodeChildProcess.send(message, () => undefined),
    (what) => program.answer?.(what) ?? Promise.resolve(null),
  );
  subprocess.nodeChildProcess.on('message', (message: unknown) => {
    if (isReadyMessage(message)) announced.resolve(message.ready.address);
    else link.take(message);
  });
  return {
    begin: () => void subprocess.stdin.write(`${JSON.stringify(program.configuration())}\n`),
    announced: announced.promise,
    ended,
    configure: (configuration) =>
      Promise.race([configureOver(link, configuration), ended.then(() => GONE)]),
    ask: (what, timeoutMs) => Promise.race([link.ask(what, timeoutMs), ended.then(() => null)]),
    stop() {
      subprocess.kill('SIGTERM');
      const kill = setTimeout(() => subprocess.kill('SIGKILL'), program.stopGraceMs);
      void ended.then(() => clearTimeout(kill));
    },
    kill: () => subprocess.kill('SIGKILL'),
  };
}

const GONE = 'it ended meanwhile';

const isReadyMessage = (message: unknown): message is ReadyMessage =>
  typeof message === 'object' && message !== null && 'ready' in message;

/** How a process of execa's ended. */
interface Result {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly shortMessage?: string | undefined;
}

function endOf({ exitCode, signal, shortMessage }: Result): End {
  const wasKilled = signal === 'SIGKILL';
  const of = (code: number | null, description: string) => ({ code, wasKilled, description });
  if (signal !== undefined) return of(exitCode ?? null, `was ended by ${signal}`);
  if (exitCode !== undefined) return of(exitCode, `exited with code ${exitCode}`);
  return of(null, `could not be started: ${shortMessage}`);
}
