import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { finished } from 'node:stream';
import { inspect } from 'node:util';
import { EXIT, StartupError, type ExitCode } from './exit-code.ts';
import { receiveHandOver } from './process-configuration.ts';
import { answeringConfigure } from './configure.ts';
import { IpcLink, type Answering } from './ipc-link.ts';
import { outputTaken } from '../logging/log-output.ts';
import type { Logger } from '../logging/logger.ts';
import { createMasker } from '../logging/mask.ts';
import { announceReady, type Address } from './ready.ts';

/** A running child process's work. */
export interface Service {
  readonly logger: Logger;
  /** Where it listens, if over TCP: the launcher asks there whether it is ready, and prints it. */
  readonly address?: Address;
  /** Takes what the launcher wants it to run with from now on, all of it or, if it throws, nothing. */
  configure(configuration: unknown): Promise<void>;
  /** Answers what else the launcher asks. */
  readonly answer?: Answering;
  /** Finishes what is under way, within the service's own grace, and closes everything. */
  drain(): Promise<void>;
}

/** A child's way to its launcher: asks it something; null if there is none, or it does not answer. */
export type LauncherLink = Pick<IpcLink, 'ask'>;

const NOTHING: Answering = () => Promise.resolve(null);

/**
 * Prints why a start failed and returns the exit code: a StartupError's problems, one line each for
 * a person; anything else with its stack, since it is a fault of the program.
 */
export function explainFailedStart(error: unknown): ExitCode {
  const isExpected = error instanceof StartupError;
  const lines = isExpected ? error.problems : [inspect(error)];
  const masker = createMasker(); // no logger yet, hence no known secret: only shapes can be masked
  for (const line of lines) process.stderr.write(`${masker.mask(line)}\n`);
  return isExpected ? error.exitCode : EXIT.gaveUp;
}

/**
 * The life of a child process: takes the launcher's hand-over, starts, says so, drains at SIGTERM,
 * and leaves at once when the launcher is gone, however it died. SIGINT is the launcher's to answer:
 * Ctrl-C reaches every process of the terminal's group, and the order of stopping must hold.
 */
export async function runService(
  start: (configuration: unknown, launcher: LauncherLink) => Promise<Service>,
): Promise<void> {
  let explain = explainFailedStart;
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort());
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined); // reloading goes through the launcher
  process.on('SIGUSR2', () => undefined); // so does renewing workers
  process.on('SIGUSR1', () => undefined); // Node would open its debugger
  process.on('uncaughtException', (error) => process.exit(explain(error)));
  try {
    const configuration = await receiveHandOver(process.stdin);
    leaveWithLauncher();
    let answering = NOTHING;
    const launcher = linkToLauncher((what) => answering(what));
    const service = await start(configuration, launcher);
    const { answer = NOTHING } = service;
    answering = answeringConfigure((changed) => service.configure(changed), answer);
    explain = (error) => explainCrash(service.logger, error);
    announceReady(service.address ?? null);
    flushCompileCache(); // a killed process writes none at its end
    if (!stop.signal.aborted) await once(stop.signal, 'abort');
    await service.drain();
    await outputTaken();
    process.exit(EXIT.ok);
  } catch (error) {
    process.exit(explain(error));
  }
}

function linkToLauncher(answering: Answering): LauncherLink {
  if (process.send === undefined) return { ask: NOTHING };
  const link = new IpcLink((message) => process.send?.(message), answering);
  process.on('message', (message) => link.take(message));
  return link;
}

/** The launcher's end closes with it: of standard input, and of the IPC channel where there is one. */
function leaveWithLauncher(): void {
  const leave = () => process.exit(EXIT.gaveUp);
  process.once('disconnect', leave);
  finished(process.stdin, leave);
  process.stdin.resume(); // a stream must flow for its end to be noticed
}

function explainCrash(logger: Logger, error: unknown): ExitCode {
  const stack = error instanceof Error ? error.stack : undefined;
  logger.critical('stopping: an error nobody handled', { error, stack });
  return EXIT.gaveUp;
}
