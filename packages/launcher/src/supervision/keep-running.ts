import {
  EXIT,
  NO_CRASHES,
  afterEnd,
  type ExitCode,
  type Logger,
  type RestartPolicy,
} from '@openrouter-proxy/runtime';
import { startChild, type Child, type End } from './child.ts';
import type { Program } from './program.ts';
import { awaitStart, type Ready, type StartConditions } from './readiness.ts';

/** How programs are run. */
export interface Conditions extends StartConditions {
  readonly policy: RestartPolicy;
  /** The environment variables of every child. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

/** Commands to a supervised program. */
export interface Orders {
  /** Lets the first run begin its work. The process starts earlier, so that its modules are loaded by then. */
  readonly begin: Promise<unknown>;
  /** Disables restarts. Call it first. */
  readonly noRestart: AbortSignal;
  /** Stops the program gracefully. */
  readonly stop: AbortSignal;
  /** Kills the program. */
  readonly force: AbortSignal;
}

/** Exit codes that a restart cannot cure; the child has printed the reason. */
const FINAL: readonly ExitCode[] = [EXIT.configuration, EXIT.alreadyRunning];

/**
 * Runs a program and restarts it when it ends, until it is stopped or given up. Resolves with the
 * launcher's exit code. Calls `onReady` for each run that is ready.
 */
export async function keepRunning(
  program: Program,
  conditions: Conditions,
  orders: Orders,
  onReady: (ready: Ready, child: Child) => Promise<void>,
): Promise<ExitCode> {
  const { policy, logger, clock } = conditions;
  let history = NO_CRASHES;
  let hasServed = false;
  while (true) {
    const startedAt = clock.now();
    const { end, served } = await runOnce(program, conditions, orders, onReady);
    if (orders.noRestart.aborted) return EXIT.ok;
    hasServed ||= served;
    const final = FINAL.find((code) => code === end.code);
    if (final !== undefined && !hasServed) return final;
    const now = clock.now();
    const wasKilled = end.wasKilled && served;
    const next = afterEnd(history, { upMs: now - startedAt, now, wasKilled }, policy);
    if (next.kind === 'give-up') {
      logger.critical(`giving up after repeated crashes: the ${program.name} ${end.description}`);
      return EXIT.gaveUp;
    }
    logger.error(`the ${program.name} ${end.description}`, { restartInMs: next.delayMs });
    history = next.history;
    const waited = clock.sleep(next.delayMs, orders.noRestart).then(
      () => true,
      () => false,
    );
    if (!(await waited)) return EXIT.ok;
  }
}

/** One run, until the process has exited, and whether it became ready. */
async function runOnce(
  program: Program,
  conditions: Conditions,
  { begin, stop, force }: Orders,
  onReady: (ready: Ready, child: Child) => Promise<void>,
): Promise<{ end: End; served: boolean }> {
  const child = startChild(program, conditions.environment);
  const gone = new AbortController();
  let hasBegun = false;
  // A program without work can be killed.
  const end = () => (hasBegun ? child.stop() : child.kill());
  stop.addEventListener('abort', end, { signal: gone.signal });
  force.addEventListener('abort', () => child.kill(), { signal: gone.signal });
  await Promise.race([begin, child.ended]);
  hasBegun = true;
  child.begin();
  const start = await awaitStart(program, child, conditions);
  if (start.kind === 'ready') await onReady(start, child);
  if (start.kind === 'late' && !stop.aborted) {
    conditions.logger.error(`ending the ${program.name}: it failed to start`, {
      error: start.error,
    });
    child.kill();
  }
  const ended = await child.ended;
  gone.abort();
  return { end: ended, served: start.kind === 'ready' };
}
