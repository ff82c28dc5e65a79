import { once } from 'node:events';
import { EXIT, type ExitCode } from '@openrouter-proxy/runtime';
import type { Child } from './child.ts';
import { keepRunning, type Conditions } from './keep-running.ts';
import type { Program } from './program.ts';
import type { Ready } from './readiness.ts';

/**
 * Starts all processes at once, and lets each program begin when the one before it is ready. Restarts
 * programs that end. Stops them in reverse order, each after the next one has exited.
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
   * Runs the programs until `stop()`, or until one is given up. Resolves with the launcher's exit code
   * after all have exited. Calls `onReady` each time a program is ready, and awaits it before the next
   * program begins.
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

  /** Stops the programs gracefully; a second call kills them. */
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
