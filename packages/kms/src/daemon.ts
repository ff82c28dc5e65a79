import { join } from 'node:path';
import type { KmsHandOver } from '@openrouter-proxy/config';
import {
  UnixSocketError,
  listenOnUnixSocket,
  serve,
  type KmsServer,
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
import { lockStateFolder } from './instance-lock.ts';
import { logKeyChange, logLimit } from './key-log.ts';
import type { KeyPool } from './key-pool.ts';
import { poolKeys, type RecordsListener } from './key-records.ts';
import { LeaseTokens, type RandomFill } from './lease-id.ts';
import { newLoadOrders, openPool } from './pool.ts';
import type { LimitListener } from './reports.ts';
import { rpcHandlers } from './rpc-handlers.ts';
import { openSqliteStore } from './sqlite-store.ts';
import type { StateStore } from './state-store.ts';

/** What the daemon takes from the machine it runs on. */
export interface Surroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  /** A number of [0, 1). */
  readonly random: () => number;
  readonly randomFill: RandomFill;
}

/** A running key management service. */
export interface Daemon {
  /**
   * Serves until the last gateway has gone, since what it has to report would be lost, but no longer
   * than the grace for running requests and a little more; then closes everything.
   */
  drain(): Promise<void>;
}

/** Starts the service; it listens when this resolves. Throws a StartupError if it cannot. */
export async function startDaemon(
  handOver: KmsHandOver,
  surroundings: Surroundings,
): Promise<Daemon> {
  const { clock, logger } = surroundings;
  await using resources = new AsyncDisposableStack();
  await prepareStateFolder(handOver.stateDir);
  const lock = lockStateFolder(handOver.stateDir);
  resources.defer(() => lock.release());
  const { store, pool } = await openStoreAndPool(handOver, surroundings);
  resources.defer(() => store.close());
  const sessions = new GatewaySessions({
    store,
    clock,
    leaseTtlMs: handOver.leaseTtlMs,
    onError: (error) => logger.error('leases of a lost connection were not shortened', { error }),
  });
  const server = createServer(pool, sessions, handOver, surroundings);
  resources.defer(() => server.stop());
  const listener = await listen(handOver.socket, server, logger);
  resources.defer(() => listener.close());
  logger.info('serving keys', { keys: handOver.keys.length, socket: handOver.socket });
  const running = resources.move();
  return {
    drain: async () => {
      await sessions.allGone(handOver.shutdownGraceMs + LINGER_MS);
      await running.disposeAsync();
    },
  };
}

/** Opens the store and the pool around it. */
async function openStoreAndPool(
  handOver: KmsHandOver,
  { clock, logger, random, randomFill }: Surroundings,
): Promise<{ store: StateStore; pool: KeyPool }> {
  const { selection, leaseTtlMs, freeRequests } = handOver;
  const keys = poolKeys(handOver.keys);
  const positions = new Map(keys.map(({ id, position }) => [id, position]));
  const loadOrders = newLoadOrders();
  const leaseTokens = new LeaseTokens(randomFill);
  const store = openSqliteStore({
    path: join(handOver.stateDir, 'kms.db'),
    now: clock.now(),
    isOfThisLife: (leaseId) => leaseTokens.isOfThisLife(leaseId),
    onInFlight: (slotId, count) => {
      const position = positions.get(slotId);
      if (position === undefined) return;
      loadOrders.free.setLoad(position, count);
      loadOrders.paid.setLoad(position, count);
    },
    onQuarantine: ({ path, kept }) =>
      logger.error('the state file was damaged: check which keys are to be disabled', {
        movedTo: path,
        recordsKept: kept,
      }),
  });
  const pool = await openPool({
    keys,
    store,
    loadOrders,
    selection,
    policy: { rateLimitCooldownMs: handOver.rateLimitCooldownMs },
    freeAllowance: { minute: freeRequests.perMinute, day: freeRequests.perDay },
    leaseTokens,
    leaseTtlMs,
    listener: poolLog(logger),
    clock,
    random,
  });
  return { store, pool };
}

function poolLog(logger: Logger): RecordsListener & LimitListener {
  return {
    onChange: (key, before, after) => logKeyChange(logger, key, before, after),
    onLimit: (limit) => logLimit(logger, limit),
    onLifted: (subject) => logger.info('limit lifted', { ...subject }),
    onShared: (account, keys) =>
      logger.info('keys share an account, and its limits', {
        account,
        keys: keys.map(({ name }) => name),
      }),
    onStoreFailed: (error) =>
      logger.error('key states cannot be saved: they are kept in memory and tried again', {
        error,
      }),
    onStoreRecovered: () => logger.info('key states are saved again'),
  };
}

function createServer(
  pool: KeyPool,
  sessions: GatewaySessions,
  { tokens }: KmsHandOver,
  { clock, logger, version }: Surroundings,
): KmsServer {
  return serve({
    handlers: rpcHandlers(pool, { version, startedAt: clock.now() }),
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
async function listen(path: string, server: KmsServer, logger: Logger): Promise<UnixListener> {
  try {
    return await listenOnUnixSocket(path, server.accept, (error) =>
      logger.error('a connection could not be accepted', { error }),
    );
  } catch (error) {
    if (!(error instanceof UnixSocketError)) throw error;
    const isTaken = error.code === 'ALREADY_RUNNING';
    const exitCode = isTaken ? EXIT.alreadyRunning : EXIT.configuration;
    throw new StartupError(exitCode, [`kms.socket: ${error.message}`], { cause: error });
  }
}
