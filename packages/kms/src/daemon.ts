import type { KmsHandOver } from '@openrouter-proxy/config';
import {
  MAX_LISTED_KEYS,
  UnixSocketError,
  listenOnUnixSocket,
  serve,
  type InstantInWords,
  type KmsServer,
  type ReloadReport,
  type UnixListener,
} from '@openrouter-proxy/kms-protocol';
import {
  EXIT,
  StartupError,
  prepareStateFolder,
  type Clock,
  type Logger,
} from '@openrouter-proxy/runtime';
import { GatewaySessions, LINGER_MS } from './gateway-sessions.ts';
import { ServiceHealth } from './health/service-health.ts';
import { lockStateFolder } from './instance-lock.ts';
import type { KeyPool } from './key-pool.ts';
import { poolKeys } from './key-records.ts';
import { openBooks, type Books } from './ledger/books.ts';
import { LeaseTokens, type RandomFill } from './lease-id.ts';
import { LeaseLoads } from './lease-loads.ts';
import { createMetrics } from './metrics.ts';
import { beginHistory, poolListener } from './pool-listener.ts';
import type { PoolSettings } from './pool-core.ts';
import { openPool } from './pool.ts';
import { rpcHandlers } from './rpc-handlers.ts';
import { openStore, type OpenedStore } from './store-opening.ts';
import { shareUsage, type UsageSharing } from './usage-sharing.ts';

/** What the daemon takes from the machine it runs on. */
export interface Surroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How the log writes an instant. */
  readonly instantInWords: InstantInWords;
  readonly version: string;
  /** A number of [0, 1). */
  readonly random: () => number;
  readonly randomFill: RandomFill;
  /** Has the launcher read the configuration again. */
  readonly reload: (dryRun: boolean) => Promise<ReloadReport>;
}

/** A running key management service. */
export interface Daemon {
  /**
   * Serves until the last gateway has gone, since what it has to report would be lost, but no longer
   * than the grace for running requests and a little more; then closes everything.
   */
  drain(): Promise<void>;
  /** Goes on with other keys and rules; what a running service cannot change stays as it was. */
  configure(handOver: KmsHandOver): Promise<void>;
}

/** Starts the service; it listens when this resolves. Throws a StartupError if it cannot. */
export async function startDaemon(
  handOver: KmsHandOver,
  surroundings: Surroundings,
): Promise<Daemon> {
  const { logger } = surroundings;
  await using resources = new AsyncDisposableStack();
  await prepareStateFolder(handOver.stateDir);
  resources.adopt(lockStateFolder(handOver.stateDir), (lock) => lock.release());
  const books = openBooks({ ...surroundings, stateDir: handOver.stateDir });
  resources.defer(() => books.close());
  let current = handOver;
  const { store, pool, clock } = await openStoreAndPool(() => current, books, surroundings);
  resources.defer(() => store.close());
  const sharing = resources.use(await shareUsage(handOver, books.usage, { clock, logger }));
  const sessions = new GatewaySessions({
    store,
    clock,
    leaseTtlMs: () => current.leaseTtlMs,
    onError: (error) => logger.error('leases of a lost connection were not shortened', { error }),
  });
  const health = resources.use(new ServiceHealth({ ...surroundings, pool, ...books, clock }));
  const server = createServer({ pool, books, sharing, sessions, health }, handOver, surroundings);
  resources.defer(() => server.stop());
  const listener = await listen(handOver, server, logger);
  resources.defer(() => listener.close());
  logger.info('serving keys', { keys: handOver.keys.length, socket: handOver.socket });
  const running = resources.move();
  return {
    drain: async () => {
      await sessions.allGone(current.shutdownGraceMs + LINGER_MS);
      await running.disposeAsync();
    },
    configure: async (changed) => {
      await pool.configure(settingsOf(changed));
      current = changed;
      beginHistory(books.history, await pool.list(0, MAX_LISTED_KEYS), clock.now());
      logger.info('serving keys', { keys: changed.keys.length, reloaded: true });
    },
  };
}

/** What of the hand-over the pool goes by. */
function settingsOf(handOver: KmsHandOver): PoolSettings {
  const { selection, freeRequests, leaseTtlMs, rateLimitCooldownMs } = handOver;
  return {
    keys: poolKeys(handOver.keys),
    selection,
    policy: { rateLimitCooldownMs },
    freeAllowance: { minute: freeRequests.perMinute, day: freeRequests.perDay },
    leaseTtlMs,
  };
}

/** Opens the store and the pool around it. */
async function openStoreAndPool(
  handOver: () => KmsHandOver,
  books: Books,
  { clock: machineClock, logger, random, randomFill }: Surroundings,
): Promise<OpenedStore & { pool: KeyPool }> {
  const loads = new LeaseLoads();
  const leaseTokens = new LeaseTokens(randomFill);
  const { store, clock } = await openStore({
    ...{ handOver, clock: machineClock, logger, onInFlight: loads.onInFlight },
    isOfThisLife: (leaseId) => leaseTokens.isOfThisLife(leaseId),
  });
  const listener = poolListener({ logger, books, clock });
  const parts = { ...books, store, loads, leaseTokens, listener, clock, random };
  const pool = await openPool(settingsOf(handOver()), parts);
  beginHistory(books.history, await pool.list(0, MAX_LISTED_KEYS), clock.now());
  return { store, clock, pool };
}

interface Served {
  readonly pool: KeyPool;
  readonly books: Books;
  readonly sharing: UsageSharing | null;
  readonly sessions: GatewaySessions;
  readonly health: ServiceHealth;
}

function createServer(
  { pool, books, sharing, sessions, health }: Served,
  { tokens, processMetrics }: KmsHandOver,
  { clock, logger, version, reload }: Surroundings,
): KmsServer {
  const service = { version, startedAt: clock.now() };
  const now = () => clock.now();
  const metrics = createMetrics(pool, { process: processMetrics, now });
  return serve({
    handlers: rpcHandlers({
      ...{ pool, books, sharing, metrics, service, health, reload, clock },
      onUnreadable: (requests) =>
        logger.warning(
          'finished requests could not be recorded: the gateway sent figures that cannot be right',
          { requests },
        ),
    }),
    tokens,
    version,
    onSession: ({ session, leases }) => sessions.opened(session, leases),
    onSessionEnd: (session) => {
      pool.endSession(session.id);
      sessions.ended(session);
    },
    onError: (error, method) => logger.error('a request could not be answered', { method, error }),
  });
}

/** Listens on the socket. That it cannot is for a person to cure, not for a restart. */
async function listen(
  { socket, socketAccess }: KmsHandOver,
  server: KmsServer,
  logger: Logger,
): Promise<UnixListener> {
  const onError = (error: Error) => logger.error('a connection could not be accepted', { error });
  try {
    return await listenOnUnixSocket(socket, server.accept, onError, socketAccess);
  } catch (error) {
    if (!(error instanceof UnixSocketError)) throw error;
    const isTaken = error.code === 'ALREADY_RUNNING';
    const exitCode = isTaken ? EXIT.alreadyRunning : EXIT.configuration;
    throw new StartupError(exitCode, [`kms.socket: ${error.message}`], { cause: error });
  }
}
