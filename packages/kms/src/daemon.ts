import type { KmsConfiguration } from '@openrouter-proxy/config';
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
  type Secret,
} from '@openrouter-proxy/runtime';
import { GatewaySessions, LINGER_MS } from './rpc/gateway-sessions.ts';
import { ServiceHealth } from './rpc/service-health.ts';
import { lockStateFolder } from './files/instance-lock.ts';
import type { KeyPool } from './pool/key-pool.ts';
import { poolKeys } from './keys/key-records.ts';
import { openAccounting, type Accounting } from './accounting/accounting.ts';
import { LeaseTokens, type RandomFill } from './leasing/lease-id.ts';
import { LeaseLoads } from './selection/lease-loads.ts';
import { createMetrics } from './rpc/metrics.ts';
import { beginHistory, poolListener } from './pool/pool-listener.ts';
import type { PoolSettings } from './pool/pool-core.ts';
import { openPool } from './pool/pool.ts';
import { rpcHandlers } from './rpc/rpc-handlers.ts';
import { openOwners } from './ownership/open-owners.ts';
import type { ObjectOwners } from './ownership/object-owners.ts';
import { openStore, type OpenedStore } from './store-opening.ts';
import { shareUsage, type UsageSharing } from './usage/usage-sharing.ts';

/** The environment of the daemon. */
export interface DaemonDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Formats an instant for the log. */
  readonly instantInWords: InstantInWords;
  readonly version: string;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
  readonly randomFill: RandomFill;
  /** Asks the launcher to read the configuration again. */
  readonly reload: (dryRun: boolean) => Promise<ReloadReport>;
}

/** A running key management service. */
export interface Daemon {
  /**
   * Serves until the last gateway has disconnected, since its reports would be lost, but not much
   * longer than the shutdown grace. Then closes everything.
   */
  drain(): Promise<void>;
  /** Changes keys and rules. Settings that need a restart stay as they are. */
  configure(configuration: KmsConfiguration): Promise<void>;
}

/** Starts the service; it listens when this resolves. Throws a StartupError if it cannot. */
export async function startDaemon(
  configuration: KmsConfiguration,
  deps: DaemonDeps,
): Promise<Daemon> {
  const { logger } = deps;
  await using resources = new AsyncDisposableStack();
  await prepareStateFolder(configuration.stateDir);
  resources.adopt(lockStateFolder(configuration.stateDir), (lock) => lock.release());
  const accounting = openAccounting({ ...deps, stateDir: configuration.stateDir });
  resources.defer(() => accounting.close());
  let current = configuration;
  const { store, pool, clock } = await openStoreAndPool(() => current, accounting, deps);
  resources.defer(() => store.close());
  const withStoreClock = { ...deps, clock };
  const sharing = resources.use(await shareUsage(configuration, accounting.usage, withStoreClock));
  const owners = resources.use(await openOwners(configuration, withStoreClock));
  const leaseTtlMs = () => current.leaseTtlMs;
  const sessions = new GatewaySessions({ store, clock, leaseTtlMs, onError: notShortened(logger) });
  const health = resources.use(new ServiceHealth({ ...withStoreClock, pool, ...accounting }));
  const managementKey = () => current.managementKey;
  const served = { pool, accounting, sharing, owners, sessions, health, managementKey };
  const server = createServer(served, configuration, deps);
  resources.defer(() => server.stop());
  const listener = await listen(configuration, server, logger);
  resources.defer(() => listener.close());
  logger.info('serving keys', { keys: configuration.keys.length, socket: configuration.socket });
  const running = resources.move();
  return {
    drain: async () => {
      await sessions.allGone(current.shutdownGraceMs + LINGER_MS);
      await running.disposeAsync();
    },
    configure: async (changed) => {
      await reconfigure(pool, accounting, changed, clock.now());
      current = changed;
      logger.info('serving keys', { keys: changed.keys.length, reloaded: true });
    },
  };
}

const notShortened = (logger: Logger) => (error: unknown) => {
  logger.error('leases of a lost connection were not shortened', { error });
};

async function reconfigure(
  pool: KeyPool,
  accounting: Accounting,
  changed: KmsConfiguration,
  now: number,
): Promise<void> {
  await pool.configure(settingsOf(changed));
  beginHistory(accounting.history, await pool.list(0, MAX_LISTED_KEYS), now);
}

/** The pool's part of the configuration. */
function settingsOf(configuration: KmsConfiguration): PoolSettings {
  const { selection, freeRequests, leaseTtlMs, rateLimitCooldownMs } = configuration;
  return {
    keys: poolKeys(configuration.keys),
    selection,
    policy: { rateLimitCooldownMs },
    freeAllowance: { minute: freeRequests.perMinute, day: freeRequests.perDay },
    leaseTtlMs,
  };
}

/** Opens the store and the pool around it. */
async function openStoreAndPool(
  configuration: () => KmsConfiguration,
  accounting: Accounting,
  { clock: machineClock, logger, random, randomFill }: DaemonDeps,
): Promise<OpenedStore & { pool: KeyPool }> {
  const loads = new LeaseLoads();
  const leaseTokens = new LeaseTokens(randomFill);
  const { store, clock } = await openStore({
    ...{ configuration, clock: machineClock, logger, onInFlight: loads.onInFlight },
    isOfThisLife: (leaseId) => leaseTokens.isOfThisLife(leaseId),
  });
  const listener = poolListener({ logger, accounting: accounting, clock });
  const parts = { ...accounting, store, loads, leaseTokens, listener, clock, random };
  const pool = await openPool(settingsOf(configuration()), parts);
  beginHistory(accounting.history, await pool.list(0, MAX_LISTED_KEYS), clock.now());
  return { store, clock, pool };
}

interface Served {
  readonly pool: KeyPool;
  readonly accounting: Accounting;
  readonly sharing: UsageSharing | null;
  readonly owners: ObjectOwners;
  readonly sessions: GatewaySessions;
  readonly health: ServiceHealth;
  readonly managementKey: () => Secret | null;
}

function createServer(
  { pool, accounting, sharing, owners, sessions, health, managementKey }: Served,
  { tokens, metrics: { system } }: KmsConfiguration,
  { clock, logger, version, reload }: DaemonDeps,
): KmsServer {
  const service = { version, startedAt: clock.now() };
  const now = () => clock.now();
  const metrics = createMetrics(pool, { process: system, now });
  return serve({
    handlers: rpcHandlers({
      ...{ pool, accounting, sharing, owners, metrics, service, health, reload, clock },
      managementKey,
      onUnreadable: (requests) =>
        logger.warning(
          'finished requests could not be recorded: the gateway sent invalid figures',
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

/** Listens on the socket. A failure needs a person, not a restart. */
async function listen(
  { socket, socketAccess }: KmsConfiguration,
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
