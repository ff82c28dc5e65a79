import { IpcLink, configureOver, type Address, type ReadyMessage } from '@openrouter-proxy/runtime';
import { execa } from 'execa';
import type { Program } from './program.ts';

/** How a child process ended. */
export interface End {
  /** The exit code; null if a signal ended it, or it could not be started at all. */
  readonly code: number | null;
  /** By SIGKILL. */
  readonly wasKilled: boolean;
  /** For people: "exited with code 1". */
  readonly description: string;
}

/** One run of a program as a child process. */
export interface Child {
  /** Sends the configuration. The child does nothing until it arrives. */
  begin(): void;
  /** Resolves with the address when the child announces that it is ready; else stays pending. */
  readonly announced: Promise<Address | null>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<End>;
  /** Sends a new configuration; returns the problem if the child could not apply it, else null. */
  configure(configuration: unknown): Promise<string | null>;
  /** Sends a request; null if the child does not answer within `timeoutMs`. */
  ask(what: unknown, timeoutMs: number): Promise<unknown>;
  /** Sends SIGTERM, and SIGKILL after the grace period. */
  stop(): void;
  /** Sends SIGKILL. */
  kill(): void;
}

/**
 * Starts a program. Its standard input carries the configuration and stays open: when it or the IPC
 * channel closes, the launcher is gone and the child exits, even after a SIGKILL of the launcher.
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
    cleanup: false, // the child exits when its standard input closes
    forceKillAfterDelay: false, // a reload may change the grace period
  });
  subprocess.stdin.on('error', () => undefined); // the child ended before it read; its exit is handled elsewhere
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

/** Converts execa's result. */
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
