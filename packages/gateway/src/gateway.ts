import type { GatewayHandOver } from '@openrouter-proxy/config';
import { connectToUnixSocket, KmsClient, type HeldLease } from '@openrouter-proxy/kms-protocol';
import type { Logger, Service } from '@openrouter-proxy/runtime';
import { createApp, type AppParts } from './app.ts';
import { createClientAuth } from './client-auth.ts';
import { CLIENT_LIMITS, type ClientLimits } from './client-limits.ts';
import { createForwarder } from './forward.ts';
import { Inspector } from './inspector.ts';
import { Leases } from './leases.ts';
import { createDashboard } from './dashboard/dashboard.ts';
import { requestEnd } from './exchange-end.ts';
import { healthPage } from './health-page.ts';
import { createMetrics, type GatewayMetrics } from './metrics/gateway-metrics.ts';
import { isModelList, ModelsCache } from './models-cache.ts';
import { BodyMemory } from './request-body.ts';
import { RequestRecorder } from './request-recorder.ts';
import { createGatewayServer, drainServer, listen } from './server.ts';
import { createUpstreamAgent } from './upstream-agent.ts';
import { createUpstream, fetchFrom, type Upstream } from './upstream.ts';

/** The gateway's way to the key service, and the leases it holds there. */
function connectToKms(options: GatewayHandOver['kms'], logger: Logger) {
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
export interface Surroundings {
  /** Milliseconds since the epoch. */
  now: () => number;
  limits: ClientLimits;
}

const SURROUNDINGS: Surroundings = { now: () => Date.now(), limits: CLIENT_LIMITS };
/** How long the last leases' reports may take when the gateway stops. */
const LAST_REPORTS_MS = 1_000;

function createModelsCache(
  options: GatewayHandOver,
  upstream: Upstream,
  metrics: GatewayMetrics,
  now: () => number,
) {
  return new ModelsCache({
    fetch: fetchFrom(upstream, new URL(options.upstream.baseUrl)),
    metrics,
    now,
    ttlMs: options.modelsCache.enabled ? options.modelsCache.ttlMs : 0,
    freeOnly: options.freeOnly,
    deadlineMs: options.upstream.firstByteTimeoutMs,
  });
}

/** Proxied paths: the model list through its cache, everything else upstream under a lease. */
function createApi(
  options: GatewayHandOver,
  upstream: Upstream,
  leases: Leases,
  cache: ModelsCache,
  metrics: GatewayMetrics,
  bodyTimeoutMs: number,
): AppParts['api'] {
  const baseUrl = new URL(options.upstream.baseUrl);
  const basePath = baseUrl.pathname.replace(/\/$/, '');
  const cached = options.modelsCache.enabled || options.freeOnly;
  const { maxAttempts, idleTimeoutMs, deadlineMs, providerRetryDelayMs } = options.upstream;
  const { freeOnly, maxBodyBytes } = options;
  const forward = createForwarder({
    baseUrl,
    upstream,
    leases,
    metrics,
    memory: new BodyMemory(),
    policy: {
      maxAttempts,
      idleTimeoutMs,
      deadlineMs,
      providerRetryDelayMs,
      queueTimeoutMs: options.queueTimeoutMs,
      affinity: options.affinity,
      freeOnly,
      countsTokens: options.metrics.tokens,
      maxBodyBytes,
      bodyTimeoutMs,
    },
  });
  return (exchange, target, keyless) => {
    const path = basePath + target.path + target.query;
    if (cached && isModelList(exchange.request.method, target.path)) {
      return cache.answer(exchange, path);
    }
    return forward(exchange, { path, keyless });
  };
}

/** Where a gateway writes: what it does, and one line for each request that is over. */
export interface GatewayLogs {
  main: Logger;
  access: AppParts['finished'];
}

function createWayUpstream(baseUrl: URL, options: GatewayHandOver['upstream']) {
  const agent = createUpstreamAgent(baseUrl, options.requestProxy);
  return { agent, upstream: createUpstream(baseUrl, agent, options) };
}

/** Sees every request that is over. */
function createWitness(
  metrics: GatewayMetrics,
  recorder: RequestRecorder,
  logs: GatewayLogs,
  now: () => number,
): AppParts['finished'] {
  return (exchange) => {
    metrics.exchange(exchange);
    const end = requestEnd(exchange, now());
    if (end !== null) recorder.add(end);
    logs.access(exchange);
  };
}

/** Tells the key service what it has yet to be told, and takes leave of it. */
async function tellTheLast(told: {
  kms: KmsClient;
  leases: Leases;
  inspector: Inspector;
  recorder: RequestRecorder;
}): Promise<void> {
  await told.inspector.stop();
  await told.leases.settled(LAST_REPORTS_MS);
  await told.recorder.stop();
  await told.kms.close();
}

/** Builds the gateway from its hand-over and starts it. */
export async function startGateway(
  options: GatewayHandOver,
  logs: GatewayLogs,
  { now, limits }: Surroundings = SURROUNDINGS,
): Promise<Service> {
  const baseUrl = new URL(options.upstream.baseUrl);
  const metrics = createMetrics(options.metrics);
  const { upstream, agent } = createWayUpstream(baseUrl, options.upstream);
  const { kms, leases } = connectToKms(options.kms, logs.main);
  const inspector = new Inspector({ kms, upstream, baseUrl, logger: logs.main });
  const recorder = new RequestRecorder(kms, logs.main);
  const cache = createModelsCache(options, upstream, metrics, now);
  const drain = new AbortController();
  const draining = () => drain.signal.aborted;
  const shown = { kms, leases, cache, metrics, logger: logs.main, draining, now };
  const dashboard = await createDashboard(options, shown);
  const app = createApp({
    auth: createClientAuth(options.accessKeys),
    publicEndpoints: options.publicEndpoints,
    metricsPublic: options.metrics.public,
    maxBodyBytes: options.maxBodyBytes,
    api: createApi(options, upstream, leases, cache, metrics, limits.bodyTimeout),
    health: healthPage({ ...shown, modelsCacheAgeSeconds: () => cache.ageSeconds() }),
    metrics: dashboard.pages,
    finished: createWitness(metrics, recorder, logs, now),
  });
  const server = createGatewayServer(app, limits);
  const address = await listen(server, options.host, options.port);
  return {
    logger: logs.main,
    address: { host: address.address, port: address.port },
    async drain() {
      drain.abort();
      dashboard.stop();
      await drainServer(server, options.shutdownGraceMs);
      await tellTheLast({ kms, leases, inspector, recorder });
      agent.destroy();
    },
  };
}
