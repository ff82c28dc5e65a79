import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { finished } from 'node:stream';
import { inspect } from 'node:util';
import { EXIT, StartupError, type ExitCode } from './exit-code.ts';
import { receiveConfiguration } from './process-configuration.ts';
import { answeringConfigure } from './configure.ts';
import { IpcLink, type Answering } from './ipc-link.ts';
import { outputTaken } from '../logging/log-output.ts';
import type { Logger } from '../logging/logger.ts';
import { createMasker } from '../logging/mask.ts';
import { announceReady, type Address } from './ready.ts';

/** The work of a child process. */
export interface Service {
  readonly logger: Logger;
  /** Its TCP address, if it has one: the launcher checks readiness there, and prints it. */
  readonly address?: Address;
  /** Applies a new configuration: all of it, or nothing if it throws. */
  configure(configuration: unknown): Promise<void>;
  /** Answers other requests of the launcher. */
  readonly answer?: Answering;
  /** Finishes running work within the grace period, then closes everything. */
  drain(): Promise<void>;
}

/** A child's requests to its launcher; null if there is no launcher or no answer. */
export type LauncherLink = Pick<IpcLink, 'ask'>;

const NOTHING: Answering = () => Promise.resolve(null);

/**
 * Prints why a start failed, and returns the exit code. A StartupError prints its problems, one a line;
 * any other error is a bug and prints its stack.
 */
export function explainFailedStart(error: unknown): ExitCode {
  const isExpected = error instanceof StartupError;
  const lines = isExpected ? error.problems : [inspect(error)];
  const masker = createMasker(); // no secrets are known yet, so it masks by the shape of keys
  for (const line of lines) process.stderr.write(`${masker.mask(line)}\n`);
  return isExpected ? error.exitCode : EXIT.gaveUp;
}

/**
 * Runs a child process: reads the configuration, starts, announces readiness, drains at SIGTERM, and
 * exits at once when the launcher is gone. It ignores SIGINT: Ctrl-C reaches every process of the
 * terminal's group, and the launcher stops its children in order.
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
    const configuration = await receiveConfiguration(process.stdin);
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

/** Exits when standard input or the IPC channel closes: the launcher is gone. */
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
