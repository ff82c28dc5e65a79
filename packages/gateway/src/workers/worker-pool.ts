import { setTimeout as delay } from 'node:timers/promises';
import {
  EXIT,
  NO_CRASHES,
  StartupError,
  afterEnd,
  type Address,
  type ExitCode,
  type Logger,
  type RestartPolicy,
} from '@openrouter-proxy/runtime';
import { startWorker, type Worker, type WorkerEnd } from './worker.ts';

/** A worker that dies is replaced at once, unless workers keep dying. */
const POLICY: RestartPolicy = {
  firstDelayMs: 50,
  longestDelayMs: 10_000,
  quietMs: 30_000,
  soundMs: 1_000,
  crashLoop: { ends: 30, withinMs: 60_000 },
};
/** How long a worker may take from its start until it serves. */
const START_MS = 20_000;
/** How often workers are pinged, and how long they may take to answer. */
const PING_EVERY_MS = 2_000;
const PING_MS = 10_000;

/** How workers are run. */
export interface WorkerPoolOptions {
  readonly count: number;
  /** The configuration of a worker that starts now. */
  readonly configuration: () => unknown;
  /** How long a worker that stops may take to finish its requests. */
  readonly graceMs: () => number;
  /** Answers a worker's question. `siblings`: the other workers that serve. */
  readonly answer: (
    workerId: number,
    siblings: readonly Worker[],
    question: unknown,
  ) => Promise<unknown>;
  readonly onEnded: (workerId: number) => void;
  /** Called when workers keep dying. */
  readonly onGivenUp: () => void;
  readonly logger: Logger;
}

/** Keeps a number of workers serving. Replaces those that die or hang, and restarts all without a gap. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  /** The workers that serve and are to go on. */
  readonly #serving = new Set<Worker>();
  readonly #running = new Set<Worker>();
  /** The workers that do not serve yet, and the version of their configuration. */
  readonly #starting = new Map<Worker, number>();
  /** Grows with each configuration. */
  #version = 0;
  readonly #stopped = new AbortController();
  #history = NO_CRASHES;
  #renewal: Promise<void> = Promise.resolve();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Starts the workers. Resolves with the address they share when all serve; rejects with a StartupError. */
  async start(): Promise<Address> {
    const { count } = this.#options;
    try {
      const address = await this.#admit(this.#begin()); // the first alone, so that a fault is reported once
      await Promise.all(Array.from({ length: count - 1 }, () => this.#admit(this.#begin())));
      if (address == null) throw new Error('a worker did not report its address');
      void this.#watch();
      return address;
    } catch (error) {
      this.#stopped.abort();
      for (const worker of this.#running) worker.kill();
      throw error;
    }
  }

  /** Changes the configuration of all workers. Resolves with the reason if one refuses it, else with null. */
  async configure(configuration: unknown): Promise<string | null> {
    this.#version += 1; // workers that are starting get it when they serve
    const told = [...this.#running].filter((worker) => !this.#starting.has(worker));
    const problems = await Promise.all(told.map((worker) => worker.configure(configuration)));
    return problems.find((problem) => problem !== null) ?? null;
  }

  /** Replaces every worker, each when its successor serves. */
  renew(): Promise<void> {
    this.#renewal = this.#renewal.then(async () => {
      for (const worker of [...this.#serving]) {
        if (this.#stopped.signal.aborted) return;
        try {
          await this.#admit(this.#begin());
        } catch (error) {
          this.#options.logger.error(
            'rolling restart stopped: a new worker does not serve; the old ones go on',
            { error },
          );
          return;
        }
        this.#dismiss(worker);
      }
      this.#options.logger.info('rolling restart complete', { workers: this.#serving.size });
    });
    return this.#renewal;
  }

  /** Lets all workers finish their requests, and end. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const worker of this.#running) this.#dismiss(worker);
    await Promise.all([...this.#running].map(({ ended }) => ended));
  }

  #begin(): Worker {
    const { configuration, answer, onEnded } = this.#options;
    const worker = startWorker(configuration(), (id, question) => {
      const siblings = [...this.#serving].filter((other) => other.id !== id);
      return answer(id, siblings, question);
    });
    const startedAt = Date.now();
    this.#running.add(worker);
    this.#starting.set(worker, this.#version);
    void worker.ended.then((end) => {
      this.#running.delete(worker);
      this.#starting.delete(worker);
      onEnded(worker.id);
      // One that never served, or was dismissed, is not replaced.
      if (this.#serving.delete(worker)) void this.#replace(worker, end, Date.now() - startedAt);
    });
    return worker;
  }

  /** Adds a worker to those that serve, once it is ready. */
  async #admit(worker: Worker): Promise<Address | null> {
    const late = new AbortController();
    const address = await Promise.race([
      worker.ready,
      worker.ended.then(({ code }) => {
        throw new StartupError(exitCodeOf(code), []); // the worker has logged the reason itself
      }),
      delay(START_MS, undefined, { signal: late.signal }).then(() => {
        worker.kill();
        throw new Error(`worker ${worker.id} did not serve within ${START_MS} ms`);
      }),
    ]).finally(() => late.abort());
    await this.#catchUp(worker);
    this.#serving.add(worker);
    return address;
  }

  /** Gives a worker the configurations that changed while it started. */
  async #catchUp(worker: Worker): Promise<void> {
    for (;;) {
      const version = this.#version;
      if (!this.#starting.has(worker) || this.#starting.get(worker) === version) break;
      this.#starting.set(worker, version);
      const problem = await worker.configure(this.#options.configuration());
      if (problem !== null) throw new Error(`worker ${worker.id} could not be told: ${problem}`);
    }
    this.#starting.delete(worker);
  }

  #dismiss(worker: Worker): void {
    this.#serving.delete(worker);
    worker.stop(this.#options.graceMs());
  }

  async #replace(worker: Worker, end: WorkerEnd, upMs: number): Promise<void> {
    const { logger, onGivenUp } = this.#options;
    if (this.#stopped.signal.aborted) return;
    const ended = { now: Date.now(), upMs, wasKilled: end.signal === 'SIGKILL' };
    const next = afterEnd(this.#history, ended, POLICY);
    if (next.kind === 'give-up') {
      logger.critical('giving up: workers end again and again');
      onGivenUp();
      return;
    }
    this.#history = next.history;
    logger.error('a worker ended and is replaced', { worker: worker.id, ...end });
    await delay(next.delayMs);
    await this.#successor();
  }

  /** Starts a worker in place of one that ended, and another if it does not serve. */
  async #successor(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    const startedAt = Date.now();
    const worker = this.#begin();
    try {
      await this.#admit(worker);
    } catch (error) {
      this.#options.logger.error('a new worker does not serve', { error });
      await this.#replace(worker, await worker.ended, Date.now() - startedAt);
    }
  }

  /** Kills workers that hang, so that no further requests are lost. */
  async #watch(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await delay(PING_EVERY_MS, undefined, { signal }).catch(() => undefined); // woken by the end
      for (const worker of [...this.#serving]) void this.#ping(worker);
    }
  }

  async #ping(worker: Worker): Promise<void> {
    const answer = await worker.ask({ ping: true }, PING_MS);
    if (answer !== null || !this.#serving.has(worker)) return;
    this.#options.logger.error('a worker does not answer and is ended', { worker: worker.id });
    worker.kill();
  }
}

function exitCodeOf(code: number | null): ExitCode {
  return Object.values(EXIT).find((known) => known === code) ?? EXIT.gaveUp;
}
