import cluster, { type Worker as Process } from 'node:cluster';
import { once } from 'node:events';
import { IpcLink, configureOver, type Address, type ReadyMessage } from '@openrouter-proxy/runtime';

/** How a worker ended: its exit code, or the signal that ended it. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A process that answers requests on the gateway's one address (Node docs, "Cluster"). */
export interface Worker {
  /** Counts from 1; a replacement has another. */
  readonly id: number;
  /** Resolves when it serves; stays pending if it never does. */
  readonly ready: Promise<Address | null>;
  readonly ended: Promise<WorkerEnd>;
  ask(question: unknown, timeoutMs: number): Promise<unknown>;
  /** Changes its configuration. Resolves with the reason if the worker refuses it, else with null. */
  configure(configuration: unknown): Promise<string | null>;
  /** The worker takes no more requests, finishes those it has, and ends; after `graceMs` it is killed. */
  stop(graceMs: number): void;
  /** Kills it at once. */
  kill(): void;
}

const isReady = (message: unknown): message is ReadyMessage =>
  typeof message === 'object' && message !== null && 'ready' in message;

// Every worker accepts connections from the shared listening socket itself. If this process distributed
// them, those on their way to a worker that dies would stay open without an answer.
cluster.schedulingPolicy = cluster.SCHED_NONE;

function exitOf(worker: Process): Promise<WorkerEnd> {
  return once(worker, 'exit').then(
    // Node documents the types of these two.
    ([code, signal]) => ({ code: code as number | null, signal: signal as string | null }),
  );
}

/**
 * Starts a worker as the launcher starts a service: its standard input carries its configuration, and
 * the worker ends when it closes. `answer` answers its questions.
 */
export function startWorker(
  configuration: unknown,
  answer: (workerId: number, question: unknown) => Promise<unknown>,
): Worker {
  cluster.setupPrimary({ stdio: ['pipe', 'inherit', 'inherit', 'ipc'] });
  const worker = cluster.fork();
  const { stdin } = worker.process;
  stdin?.on('error', () => undefined); // the worker ended before it read: `ended` tells
  stdin?.write(`${JSON.stringify(configuration)}\n`);
  const ready = Promise.withResolvers<Address | null>();
  const { id } = worker;
  const link = new IpcLink(
    (message) => void worker.send(message, () => undefined),
    (question) => answer(id, question),
  );
  worker.on('message', (message: unknown) => {
    if (isReady(message)) ready.resolve(message.ready.address);
    else link.take(message);
  });
  worker.on('error', () => undefined); // a message did not reach it: it is ending
  const ended = exitOf(worker);
  const orGone = <T>(answer: Promise<T>, otherwise: T) =>
    Promise.race([answer, ended.then(() => otherwise)]);
  return {
    id,
    ready: ready.promise,
    ended,
    ask: (question, timeoutMs) => orGone(link.ask(question, timeoutMs), null),
    // A worker that has ended is replaced by one that starts with the new configuration.
    configure: (changed) => orGone(configureOver(link, changed), null),
    stop(graceMs) {
      worker.process.kill('SIGTERM');
      const kill = setTimeout(() => worker.process.kill('SIGKILL'), graceMs);
      void ended.then(() => clearTimeout(kill));
    },
    kill: () => void worker.process.kill('SIGKILL'),
  };
}
