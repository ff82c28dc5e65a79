import type { GatewayConfiguration } from '@openrouter-proxy/config';
import { systemClock, type Clock, type Logger, type Service } from '@openrouter-proxy/runtime';
import type { AppDeps } from './http/app.ts';
import type { Cancellation } from './request/cancellation.ts';
import { endWithError } from './request/request-end.ts';
import { BodySpool } from './body/body-spool.ts';
import { SERVER_TIMEOUTS, type ServerTimeouts } from './http/server-timeouts.ts';
import { CHECK_MS, KeyChecker } from './key-checks/key-check.ts';
import { ObjectOwners } from './key-service/object-owners.ts';
import { connectToKeyService, type KeyService } from './key-service/connection.ts';
import { createDashboard, type Dashboard } from './dashboard/dashboard.ts';
import { createObserver } from './telemetry/request-observers.ts';
import { GatewayError } from './errors/gateway-error.ts';
import { HealthSource } from './health/health.ts';
import { healthPage } from './health/health-page.ts';
import { createMetrics } from './metrics/gateway-metrics.ts';
import { BodyMemory } from './body/request-body.ts';
import { RequestRecorder } from './telemetry/request-recorder.ts';
import {
  ActiveConfiguration,
  CurrentConfiguration,
  type ActiveConfigurationDeps,
} from './active-configuration.ts';
import { WrongKeyThrottle } from './auth/wrong-key-throttle.ts';
import { TokenCounting } from './token-count/token-counting.ts';
import { ALONE, type Siblings } from './workers/siblings.ts';
import { createGatewayServer, drainServer, listen } from './http/server.ts';

/** What a test, or a worker, replaces. */
export interface GatewayDeps {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Waits, on the same time. */
  readonly sleep: Clock['sleep'];
  readonly limits: ServerTimeouts;
  /** The other processes that answer at the same address. */
  readonly siblings: Siblings;
  /** How long one `GET /key` may take, in milliseconds. */
  readonly checkMs: number;
}

const DEFAULT_DEPS: GatewayDeps = {
  now: () => Date.now(),
  sleep: (ms, signal) => systemClock.sleep(ms, signal),
  limits: SERVER_TIMEOUTS,
  siblings: ALONE,
  checkMs: CHECK_MS,
};
/** How long the last leases' reports may take when the gateway stops. */
const LAST_REPORTS_MS = 1_000;

/** The log of the gateway's own work, and the access log. */
export interface GatewayLogs {
  main: Logger;
  access: AppDeps['onFinished'];
}

/** Sends the key service the reports and records that it lacks, and closes the connection. */
async function leaveKeyService(
  { kms, leases }: KeyService,
  { keyChecker, recorder }: { keyChecker: KeyChecker; recorder: RequestRecorder },
): Promise<void> {
  await keyChecker.stop();
  await leases.settled(LAST_REPORTS_MS);
  await recorder.stop();
  await kms.close();
}

/** Ends the requests that did not end within the grace, and tells each client why. */
function cutOff(active: ReadonlySet<Cancellation>): void {
  const message =
    'The gateway is shutting down, and this request took longer than `server.shutdown_grace`.';
  const reason = endWithError(new GatewayError('shutting_down', message));
  for (const cancellation of active) cancellation.cancel(reason);
}

/** A running gateway. */
export interface Gateway extends Omit<Service, 'configure'> {
  /** Serves under another configuration from the next request on, except for settings that need a restart. */
  configure(options: GatewayConfiguration): void;
  /** This process's metrics and load, for its siblings. */
  readonly own: Dashboard['own'];
  /** The request bodies that are on disk. */
  readonly spool: Pick<BodySpool, 'usedBytes'>;
}

/** What outlives a change of the configuration. */
interface Foundation {
  readonly keyService: KeyService;
  readonly recorder: RequestRecorder;
  readonly logs: GatewayLogs;
  readonly deps: GatewayDeps;
  readonly draining: () => boolean;
  readonly current: CurrentConfiguration;
}

async function createSpool(
  options: GatewayConfiguration['spool'],
  logger: Logger,
): Promise<BodySpool> {
  const spool = new BodySpool({ ...options, logger });
  await spool.removeLeftovers();
  return spool;
}

/** The pages of the gateway's own, and what they count and watch. */
async function createPages(
  options: GatewayConfiguration,
  { keyService, logs, deps, draining, current }: Foundation,
) {
  const { now, siblings } = deps;
  const { kms, leases } = keyService;
  const logger = logs.main;
  const counters = createMetrics({
    ...{ ...options.metrics, worker: siblings.id },
    onError: (error) => logger.error('an observation could not be counted', { error }),
  });
  const health = new HealthSource({ kms, logger, draining, now });
  const dashboard = await createDashboard({
    ...{ kms, leases, metrics: counters, logger, siblings, health, now },
    current: () => current.active,
  });
  const modelsCacheAgeSeconds = () => current.active.cache.ageSeconds();
  return {
    counters,
    health,
    dashboard,
    page: healthPage({ health, leases, modelsCacheAgeSeconds }),
  };
}

/** What every configuration shares. */
async function createShared(
  options: GatewayConfiguration,
  { keyService, recorder, logs, deps }: Foundation,
  { counters, dashboard, page }: Awaited<ReturnType<typeof createPages>>,
) {
  const { limits, now, sleep, siblings } = deps;
  const logger = logs.main;
  const { access } = logs;
  return {
    leases: keyService.leases,
    owners: new ObjectOwners(keyService.kms, logger),
    ...{ counters, siblings, now, bodyTimeoutMs: limits.bodyTimeout },
    memory: new BodyMemory(),
    spool: await createSpool(options.spool, logger),
    wrongKeys: new WrongKeyThrottle({ now, sleep, logger }),
    tokenCounting: new TokenCounting({ logger }),
    active: new Set<Cancellation>(),
    ...{ health: page, metrics: dashboard.pages },
    onFinished: createObserver({ metrics: counters, recorder, access, logger, now }),
  } satisfies ActiveConfigurationDeps;
}

/** Builds the gateway from its configuration and starts it. */
export async function startGateway(
  options: GatewayConfiguration,
  logs: GatewayLogs,
  given: Partial<GatewayDeps> = {},
): Promise<Gateway> {
  const deps = { ...DEFAULT_DEPS, ...given };
  const logger = logs.main;
  const keyService = connectToKeyService(options.kms, logger);
  const { kms } = keyService;
  const recorder = new RequestRecorder(kms, logger);
  const drain = new AbortController();
  const draining = () => drain.signal.aborted;
  const current = new CurrentConfiguration();
  const foundation = { keyService, recorder, logs, deps, draining, current };
  const pages = await createPages(options, foundation);
  const shared = await createShared(options, foundation, pages);
  current.set(new ActiveConfiguration(options, shared));
  const keyChecker = new KeyChecker({ ...deps, kms, logger, upstream: () => current.active });
  const server = createGatewayServer((...pair) => current.active.serve(...pair), deps.limits);
  const { address: host, port } = await listen(server, options.server.host, options.server.port);
  return {
    logger,
    ...{ address: { host, port }, own: pages.dashboard.own, spool: shared.spool },
    configure(changed) {
      shared.spool.maxBytes = changed.spool.maxBytes;
      current.set(new ActiveConfiguration(changed, shared));
    },
    async drain() {
      drain.abort();
      for (const part of [pages.dashboard, shared.wrongKeys, pages.health]) part.stop();
      const { shutdownGraceMs } = current.active.options.server;
      await drainServer(server, shutdownGraceMs, () => cutOff(shared.active));
      shared.tokenCounting.stop();
      await leaveKeyService(keyService, { keyChecker, recorder });
      current.active.retire();
    },
  };
}
