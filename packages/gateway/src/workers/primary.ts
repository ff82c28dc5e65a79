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

/** The launcher's request for a rolling restart, at SIGUSR2. */
const renewRequest = z.strictObject({ renew: z.literal(true) });

/** How long a worker may take to report its load or metrics. */
const LOOK_MS = 1_000;
/** How long a worker may take to stop, beyond the grace for running streams. */
const BEYOND_GRACE_MS = 3_000;

async function freePort(host: string): Promise<number> {
  const server = createServer();
  const { port } = await listen(server, host, 0);
  server.close();
  await once(server, 'close');
  return port;
}

/** Answers workers' questions: for the model lists that they share, and for the load of their siblings. */
function answering(lists: SharedLists) {
  return async (
    workerId: number,
    siblings: readonly Worker[],
    question: unknown,
  ): Promise<unknown> => {
    const asked = workerRequest.parse(question);
    if ('list' in asked) return lists.take(workerId, asked.list.path, asked.list.freshSince);
    if ('listed' in asked) {
      lists.give(workerId, asked.listed.path, asked.listed.list);
      return {};
    }
    const looks = siblings.map((sibling) => sibling.ask({ look: asked.siblings }, LOOK_MS));
    return (await Promise.all(looks)).filter((look) => look !== null);
  };
}

/**
 * Runs the gateway as several worker processes that share one address. Each gets the configuration that
 * the launcher gives this process, and every change of it.
 */
export async function startWorkers(
  options: GatewayConfiguration,
  logger: Logger,
): Promise<Service> {
  // All workers must listen on the same port, also those that start later.
  const { host, port: configured, workers } = options.server;
  const port = configured === 0 ? await freePort(host) : configured;
  const withPort = (changed: GatewayConfiguration) => ({
    ...changed,
    server: { ...changed.server, port },
  });
  let current = withPort(options);
  const lists = new SharedLists();
  const pool = new WorkerPool({
    count: workers,
    configuration: () => gatewayConfiguration.encode(current),
    graceMs: () => current.server.shutdownGraceMs + BEYOND_GRACE_MS,
    answer: answering(lists),
    onEnded: (workerId) => lists.forget(workerId),
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
