import { once } from 'node:events';
import { createServer } from 'node:http';
import { gatewayConfiguration, type GatewayConfiguration } from '@openrouter-proxy/config';
import { EXIT, StartupError, type Logger, type Service } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import { listen } from '../http/server.ts';
import { SharedLists } from './shared-lists.ts';
import { workerRequest } from './siblings.ts';
import { WorkerPool } from './worker-pool.ts';
import type { Worker } from './worker.ts';

/** What the launcher asks for at SIGUSR2. */
const renewRequest = z.strictObject({ renew: z.literal(true) });

/** How long a worker may take to say how it is. */
const LOOK_MS = 1_000;
/** Beyond the grace for running streams, for what comes before and after them. */
const BEYOND_GRACE_MS = 3_000;

async function freePort(host: string): Promise<number> {
  const server = createServer();
  const { port } = await listen(server, host, 0);
  server.close();
  await once(server, 'close');
  return port;
}

/** Answers what workers ask: the model lists that they share, and how the others are. */
function answeringWorkers(pool: () => WorkerPool, lists: SharedLists) {
  return async (worker: Worker, what: unknown): Promise<unknown> => {
    const asked = workerRequest.parse(what);
    if ('list' in asked) return lists.take(worker, asked.list.path, asked.list.freshSince);
    if ('listed' in asked) {
      lists.give(worker, asked.listed.path, asked.listed.list);
      return {};
    }
    const others = pool().serving.filter(({ id }) => id !== worker.id);
    const looks = others.map((other) => other.ask({ look: asked.siblings }, LOOK_MS));
    return (await Promise.all(looks)).filter((look) => look !== null);
  };
}

/**
 * Runs the gateway as several worker processes that share one address. What each is told is what the
 * launcher has told this process, and tells it when that changes.
 */
export async function startWorkers(
  options: GatewayConfiguration,
  logger: Logger,
): Promise<Service> {
  // All workers must name the same port, also those that come later.
  const { host, port: configured, workers } = options.server;
  const port = configured === 0 ? await freePort(host) : configured;
  const withPort = (changed: GatewayConfiguration) => ({
    ...changed,
    server: { ...changed.server, port },
  });
  let current = withPort(options);
  const lists = new SharedLists();
  const pool: WorkerPool = new WorkerPool({
    count: workers,
    configuration: () => gatewayConfiguration.encode(current),
    graceMs: () => current.server.shutdownGraceMs + BEYOND_GRACE_MS,
    answering: answeringWorkers(() => pool, lists),
    onEnded: (worker) => lists.forget(worker),
    onGivenUp: () => process.exit(EXIT.gaveUp),
    logger,
  });
  const address = await pool.start();
  return {
    logger,
    address,
    async configure(changed) {
      current = withPort(gatewayConfiguration.parse(changed));
      lists.clear();
      const problem = await pool.configure(gatewayConfiguration.encode(current));
      if (problem !== null) throw new StartupError(EXIT.gaveUp, [problem]);
    },
    async answer(what) {
      if (!renewRequest.safeParse(what).success) return null;
      await pool.renew();
      return {};
    },
    drain: () => pool.stop(),
  };
}
