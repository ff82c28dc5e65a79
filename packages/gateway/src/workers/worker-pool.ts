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

/** A worker that dies is replaced at once, unless workers do nothing but die. */
const POLICY: RestartPolicy = {
  firstDelayMs: 50,
  longestDelayMs: 10_000,
  quietMs: 30_000,
  soundMs: 1_000,
  crashLoop: { ends: 30, withinMs: 60_000 },
};
/** How long a worker may take to serve. */
const START_MS = 20_000;
/** How often workers are asked for a sign of life, and how long they may take to give it. */
const PING_EVERY_MS = 2_000;
const PING_MS = 10_000;

/** What workers are run with. */
export interface WorkerPoolOptions {
  readonly count: number;
  /** What each is told at its start; asked for every time. */
  readonly configuration: () => unknown;
  /** How long a worker may take to finish what it has. */
  readonly graceMs: () => number;
  /** Answers what a worker asks. */
  readonly answering: (worker: Worker, what: unknown) => Promise<unknown>;
  readonly onEnded: (worker: Worker) => void;
  /** Workers do nothing but end: there is no use in going on. */
  readonly onGivenUp: () => void;
  readonly logger: Logger;
}

/** Keeps so many workers serving: replaces those that die or hang, and renews all without a gap. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  /** Those that serve and are to go on. */
  readonly #serving = new Set<Worker>();
  readonly #running = new Set<Worker>();
  /** Those that do not serve yet, and which configuration they know. */
  readonly #starting = new Map<Worker, number>();
  /** Grows with each configuration. */
  #version = 0;
  readonly #stopped = new AbortController();
  #history = NO_CRASHES;
  #renewal: Promise<void> = Promise.resolve();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Those that serve now. */
  get serving(): readonly Worker[] {
    return [...this.#serving];
  }

  /** Starts them; resolves with the address they share when all serve. Rejects with a StartupError. */
  async start(): Promise<Address> {
    const { count } = this.#options;
    try {
      const address = await this.#admit(this.#begin()); // what is wrong is said once
      await Promise.all(Array.from({ length: count - 1 }, () => this.#admit(this.#begin())));
      if (address == null) throw new Error('a worker does not say where it listens');
      void this.#watch();
      return address;
    } catch (error) {
      this.#stopped.abort();
      for (const worker of this.#running) worker.kill();
      throw error;
    }
  }

  /** Has all of them run with this from now on; why one could not take it, if so. */
  async configure(configuration: unknown): Promise<string | null> {
    this.#version += 1; // those that start are told when they are there
    const told = [...this.#running].filter((worker) => !this.#starting.has(worker));
    const problems = await Promise.all(told.map((worker) => worker.configure(configuration)));
    return problems.find((problem) => problem !== null) ?? null;
  }

  /** Replaces every worker by a new one, each only when its successor serves. */
  renew(): Promise<void> {
    this.#renewal = this.#renewal.then(async () => {
      for (const worker of this.serving) {
        if (this.#stopped.signal.aborted) return;
        try {
          await this.#admit(this.#begin());
        } catch (error) {
          this.#options.logger.error('a new worker does not serve: the old ones go on', { error });
          return;
        }
        this.#dismiss(worker);
      }
      this.#options.logger.info('all workers are new', { workers: this.#serving.size });
    });
    return this.#renewal;
  }

  /** Lets all of them finish what they have, and end. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const worker of this.#running) this.#dismiss(worker);
    await Promise.all([...this.#running].map(({ ended }) => ended));
  }

  #begin(): Worker {
    const { configuration, answering, onEnded } = this.#options;
    const worker: Worker = startWorker(configuration(), (what) => answering(worker, what));
    const startedAt = Date.now();
    this.#running.add(worker);
    this.#starting.set(worker, this.#version);
    void worker.ended.then((end) => {
      this.#running.delete(worker);
      this.#starting.delete(worker);
      onEnded(worker);
      // One that never served, or was to go, is not missed.
      if (this.#serving.delete(worker)) void this.#replace(worker, end, Date.now() - startedAt);
    });
    return worker;
  }

  /** Counts a worker among those that serve, once it does. */
  async #admit(worker: Worker): Promise<Address | null> {
    const late = new AbortController();
    const address = await Promise.race([
      worker.ready,
      worker.ended.then(({ code }) => {
        throw new StartupError(exitCodeOf(code), []); // it has said itself why
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

  /** Tells a worker what the others were told while it started. */
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

  /** Starts a worker in the place of one that is gone; if it does not serve, another. */
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

  /** Ends workers that hang: their requests are lost, further ones need not be. */
  async #watch(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await delay(PING_EVERY_MS, undefined, { signal }).catch(() => undefined); // woken by the end
      for (const worker of this.serving) void this.#ping(worker);
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
