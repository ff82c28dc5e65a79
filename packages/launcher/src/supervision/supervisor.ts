import { once } from 'node:events';
import { EXIT, type ExitCode } from '@openrouter-proxy/runtime';
import type { Child } from './child.ts';
import { keepRunning, type Conditions } from './keep-running.ts';
import type { Program } from './program.ts';
import type { Ready } from './readiness.ts';

/**
 * Starts the processes of all programs at once and has them begin in order, each when the one before
 * it serves; keeps them running; and stops them in reverse, each when the one after it is gone.
 */
export class Supervisor {
  readonly #conditions: Conditions;
  readonly #stopping = new AbortController();
  readonly #forced = new AbortController();
  #exitCode: ExitCode = EXIT.ok;

  constructor(conditions: Conditions) {
    this.#conditions = conditions;
  }

  /**
   * Runs the programs until `stop()`, or until one of them is given up. Resolves, when all are gone,
   * with the launcher's exit code. `onReady` hears of a program each time it comes to serve; what
   * it does is finished before the next program begins.
   */
  async run(
    programs: readonly Program[],
    onReady: (program: Program, ready: Ready, child: Child) => Promise<void>,
  ): Promise<ExitCode> {
    const stopping = this.#stopping.signal;
    const running: { stop: AbortController; ended: Promise<void> }[] = [];
    let begin: Promise<unknown> = Promise.resolve();
    for (const program of programs) {
      const stop = new AbortController();
      const serves = Promise.withResolvers<undefined>();
      const orders = { begin, noRestart: stopping, stop: stop.signal, force: this.#forced.signal };
      const verdict = keepRunning(program, this.#conditions, orders, async (ready, child) => {
        await onReady(program, ready, child);
        serves.resolve(undefined);
      });
      running.push({ stop, ended: verdict.then((code) => this.#end(code)) });
      begin = serves.promise;
    }
    await aborted(stopping);
    for (const { stop, ended } of running.toReversed()) {
      stop.abort();
      await ended;
    }
    return this.#exitCode;
  }

  /** Lets the programs finish their work and end. Called again, ends them at once. */
  stop(): void {
    const isSecond = this.#stopping.signal.aborted;
    this.#conditions.logger.info(
      isSecond
        ? 'ending at once'
        : 'stopping: requests under way may finish; a second signal ends them',
    );
    if (isSecond) this.#forced.abort();
    else this.#end(EXIT.ok);
  }

  /** The first reason to end is the one that counts. */
  #end(code: ExitCode): void {
    if (this.#stopping.signal.aborted) return;
    this.#exitCode = code;
    this.#stopping.abort();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
