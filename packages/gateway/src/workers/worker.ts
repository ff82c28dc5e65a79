import cluster from 'node:cluster';
import { once } from 'node:events';
import {
  IpcLink,
  configureOver,
  type Address,
  type Answering,
  type ReadyMessage,
} from '@openrouter-proxy/runtime';

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
  ask(what: unknown, timeoutMs: number): Promise<unknown>;
  /** Has it run with this from now on; why it could not take it, if so. */
  configure(configuration: unknown): Promise<string | null>;
  /** It takes no more requests, finishes those it has, and ends; after `graceMs` it is killed. */
  stop(graceMs: number): void;
  /** Ends it at once. */
  kill(): void;
}

const isReady = (message: unknown): message is ReadyMessage =>
  typeof message === 'object' && message !== null && 'ready' in message;

// Every worker takes connections from the one listening socket itself. Were they handed out by this
// process, those on their way to a worker that dies would stay open with nobody to answer them.
cluster.schedulingPolicy = cluster.SCHED_NONE;

/**
 * Starts a worker as the launcher starts a service: its standard input carries the hand-over, and is
 * its life line. `answering` is asked what it asks.
 */
export function startWorker(configuration: unknown, answering: Answering): Worker {
  cluster.setupPrimary({ stdio: ['pipe', 'inherit', 'inherit', 'ipc'] });
  const worker = cluster.fork();
  const { stdin } = worker.process;
  stdin?.on('error', () => undefined); // it ended before it read: its end is what counts
  stdin?.write(`${JSON.stringify(configuration)}\n`);
  const ready = Promise.withResolvers<Address | null>();
  const link = new IpcLink((message) => void worker.send(message, () => undefined), answering);
  worker.on('message', (message: unknown) => {
    if (isReady(message)) ready.resolve(message.ready.address);
    else link.take(message);
  });
  worker.on('error', () => undefined); // it could not be told something: it is ending
  const ended = once(worker, 'exit').then(
    // Node documents these two.
    ([code, signal]): WorkerEnd => ({
      code: code as number | null,
      signal: signal as string | null,
    }),
  );
  const orGone = <T>(answer: Promise<T>, otherwise: T) =>
    Promise.race([answer, ended.then(() => otherwise)]);
  return {
    id: worker.id,
    ready: ready.promise,
    ended,
    ask: (what, timeoutMs) => orGone(link.ask(what, timeoutMs), null),
    // One that has ended is replaced by one that is started with it.
    configure: (changed) => orGone(configureOver(link, changed), null),
    stop(graceMs) {
      worker.process.kill('SIGTERM');
      const kill = setTimeout(() => worker.process.kill('SIGKILL'), graceMs);
      void ended.then(() => clearTimeout(kill));
    },
    kill: () => void worker.process.kill('SIGKILL'),
  };
}
