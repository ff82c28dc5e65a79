import type { GatewayConfiguration } from '@openrouter-proxy/config';
import { connectToUnixSocket, KmsClient, type HeldLease } from '@openrouter-proxy/kms-protocol';
import { systemClock, type Clock, type Logger, type Service } from '@openrouter-proxy/runtime';
import type { AppDeps } from './http/app.ts';
import type { Cancellation } from './request/cancellation.ts';
import { endWithError } from './request/request-end.ts';
import { BodySpool } from './request/body-spool.ts';
import { SERVER_TIMEOUTS, type ServerTimeouts } from './http/server-timeouts.ts';
import { CHECK_MS, KeyChecker } from './key-checks/key-check.ts';
import { Leases } from './key-service/leases.ts';
import { createDashboard, type Dashboard } from './dashboard/dashboard.ts';
import { createObserver } from './telemetry/request-observers.ts';
import { GatewayError } from './errors/gateway-error.ts';
import { HealthSource } from './health/health.ts';
import { healthPage } from './health/health-page.ts';
import { createMetrics } from './metrics/gateway-metrics.ts';
import { BodyMemory } from './request/request-body.ts';
import { RequestRecorder } from './telemetry/request-recorder.ts';
import { ActiveConfiguration, type ActiveConfigurationDeps } from './active-configuration.ts';
import { WrongKeyThrottle } from './auth/wrong-key-throttle.ts';
import { TokenCounting } from './token-count/token-counting.ts';
import { ALONE, type Siblings } from './workers/siblings.ts';
import { createGatewayServer, drainServer, listen } from './http/server.ts';

/** The gateway's way to the key service, and the leases it holds there. */
function connectToKms(options: GatewayConfiguration['kms'], logger: Logger) {
  const held = new Map<string, HeldLease>();
  const client = new KmsClient({
    connect: () => connectToUnixSocket(options.socket),
    role: 'gateway',
    token: options.token,
    activeLeases: () => [...held.values()],
    onLateResult: (late) => {
      if (late.method === 'lease.acquire') leases.report(late.result, { kind: 'unused' });
    },
    onState: (state, error) => logger.debug('connection to the key service', { state, error }),
  });
  const leases = new Leases(client, held, logger);
  return { kms: client, leases };
}

/** What the gateway finds around it, and a test puts in its place. */
export interface GatewayDeps {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Waits, on the same time. */
  sleep: Clock['sleep'];
  limits: ServerTimeouts;
  /** The other processes that answer at the same address. */
  siblings: Siblings;
  /** How long one `GET /key` may take, in milliseconds. */
  checkMs: number;
}

const SURROUNDINGS: GatewayDeps = {
  now: () => Date.now(),
  sleep: (ms, signal) => systemClock.sleep(ms, signal),
  limits: SERVER_TIMEOUTS,
  siblings: ALONE,
  checkMs: CHECK_MS,
};
/** How long the last leases' reports may take when the gateway stops. */
const LAST_REPORTS_MS = 1_000;

/** Where a gateway writes: what it does, and one line for each request that is over. */
export interface GatewayLogs {
  main: Logger;
  access: AppDeps['onFinished'];
}

/** Tells the key service what it has yet to be told, and takes leave of it. */
async function tellTheLast(told: {
  kms: KmsClient;
  leases: Leases;
  inspector: KeyChecker;
  recorder: RequestRecorder;
}): Promise<void> {
  await told.inspector.stop();
  await told.leases.settled(LAST_REPORTS_MS);
  await told.recorder.stop();
  await told.kms.close();
}

/** Ends what has not ended within the grace, and tells each client why. */
function cutOff(active: ReadonlySet<Cancellation>): void {
  const message =
    'The gateway is shutting down, and this took longer than `server.shutdown_grace`.';
  const reason = endWithError(new GatewayError('shutting_down', message));
  for (const cancellation of active) cancellation.cancel(reason);
}

/** A running gateway. */
export interface Gateway extends Omit<Service, 'configure'> {
  /** Serves as it says from the next request on; what a running gateway cannot change stays as it was. */
  configure(options: GatewayConfiguration): void;
  /** What this process does, as its siblings ask for it. */
  readonly own: Dashboard['own'];
  /** The request bodies that are on disk. */
  readonly spool: Pick<BodySpool, 'usedBytes'>;
}

/** What a gateway is made of beside its configuration. */
interface Lasting {
  readonly keyService: ReturnType<typeof connectToKms>;
  readonly recorder: RequestRecorder;
  readonly logs: GatewayLogs;
  readonly surroundings: GatewayDeps;
  readonly draining: () => boolean;
  /** As it serves at the moment. */
  readonly current: () => ActiveConfiguration;
}

/** What every configuration serves with, and what is stopped with the gateway. */
interface Parts extends ActiveConfigurationDeps {
  readonly wrongKeys: WrongKeyThrottle;
}

async function createSpool(
  options: GatewayConfiguration['spool'],
  logger: Logger,
): Promise<BodySpool> {
  const spool = new BodySpool({ ...options, logger });
  await spool.removeLeftovers();
  return spool;
}

async function createParts(
  options: GatewayConfiguration,
  { keyService, recorder, logs, surroundings, draining, current }: Lasting,
): Promise<{ parts: Parts; dashboard: Dashboard; health: HealthSource }> {
  const { limits, now, sleep, siblings } = surroundings;
  const counters = createMetrics({
    ...{ ...options.metrics, worker: siblings.id },
    onError: (error) => logs.main.error('an observation could not be counted', { error }),
  });
  const health = new HealthSource({ kms: keyService.kms, logger: logs.main, draining, now });
  const shown = {
    ...{ ...keyService, metrics: counters, logger: logs.main, siblings, health, now },
    cache: () => current().cache,
    options: () => current().options,
  };
  const dashboard = await createDashboard(shown);
  const parts = {
    leases: keyService.leases,
    ...{ counters, siblings, now, bodyTimeoutMs: limits.bodyTimeout },
    memory: new BodyMemory(),
    spool: await createSpool(options.spool, logs.main),
    wrongKeys: new WrongKeyThrottle({ now, sleep, logger: logs.main }),
    tokenCounting: new TokenCounting({ logger: logs.main }),
    active: new Set<Cancellation>(),
    health: healthPage({ ...shown, modelsCacheAgeSeconds: () => current().cache.ageSeconds() }),
    metrics: dashboard.pages,
    onFinished: createObserver({
      metrics: counters,
      recorder,
      access: logs.access,
      logger: logs.main,
      now,
    }),
  };
  return { parts, dashboard, health };
}

/** Builds the gateway from its hand-over and starts it. */
export async function startGateway(
  options: GatewayConfiguration,
  logs: GatewayLogs,
  given: Partial<GatewayDeps> = {},
): Promise<Gateway> {
  const surroundings = { ...SURROUNDINGS, ...given };
  const keyService = connectToKms(options.kms, logs.main);
  const { kms } = keyService;
  const recorder = new RequestRecorder(kms, logs.main);
  const drain = new AbortController();
  const draining = () => drain.signal.aborted;
  const lasting = { keyService, recorder, logs, surroundings, draining, current: () => current };
  const { parts, dashboard, health } = await createParts(options, lasting);
  let current = new ActiveConfiguration(options, parts);
  const inspector = new KeyChecker({ ...surroundings, kms, way: () => current, logger: logs.main });
  const server = createGatewayServer(
    (request, response) => current.serve(request, response),
    surroundings.limits,
  );
  const { address: host, port } = await listen(server, options.server.host, options.server.port);
  return {
    logger: logs.main,
    ...{ address: { host, port }, own: dashboard.own, spool: parts.spool },
    configure(changed) {
      const before = current;
      parts.spool.maxBytes = changed.spool.maxBytes;
      current = new ActiveConfiguration(changed, parts);
      before.retire();
    },
    async drain() {
      drain.abort();
      for (const part of [dashboard, parts.wrongKeys, health]) part.stop();
      const { shutdownGraceMs } = current.options.server;
      await drainServer(server, shutdownGraceMs, () => cutOff(parts.active));
      parts.tokenCounting.stop();
      await tellTheLast({ ...keyService, inspector, recorder });
      current.retire();
    },
  };
}
