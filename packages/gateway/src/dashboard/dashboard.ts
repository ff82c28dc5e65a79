import { readAssets } from '@openrouter-proxy/dashboard';
import type { GatewayConfiguration } from '@openrouter-proxy/config';
import type { KmsClient, MetricFamily } from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';
import type { Endpoints } from '../http/app.ts';
import type { HealthSource } from '../health/health.ts';
import type { Leases } from '../key-service/leases.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { ModelsCache } from '../models/models-cache.ts';
import { gatewayName, type Siblings, type WorkerLoad } from '../workers/siblings.ts';
import { LiveFeed } from './live-feed.ts';
import { ownUse } from '../metrics/machine-load.ts';
import { allMetrics, metricsPages } from './pages.ts';
import { SnapshotSource } from './snapshot-source.ts';

/** What the dashboard reads. */
export interface DashboardDeps {
  readonly kms: KmsClient;
  readonly leases: Leases;
  /** The configuration in force, and its cache. */
  readonly current: () => {
    readonly cache: ModelsCache;
    readonly options: Pick<GatewayConfiguration, 'cache' | 'metrics'>;
  };
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly siblings: Siblings;
  readonly health: HealthSource;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Everything under `/metrics`. */
export interface Dashboard {
  readonly pages: Endpoints['metrics'];
  /** This process's share, which its siblings show together with their own. */
  readonly own: {
    metrics(): Promise<MetricFamily[]>;
    load(): WorkerLoad;
  };
  /** Ends the open live views. */
  stop(): void;
}

/** Creates the dashboard. */
export async function createDashboard(deps: DashboardDeps): Promise<Dashboard> {
  const { kms, leases, current, metrics, logger, siblings, health, now } = deps;
  const cacheState = () => {
    const { cache, options } = current();
    const { enabled, ttlMs } = options.cache;
    const ageSeconds = cache.ageSeconds();
    return { enabled, ageSeconds, ttlSeconds: ttlMs / 1_000, ...metrics.modelsCache() };
  };
  const source = new SnapshotSource({
    ...{ kms, siblings, health, now },
    cache: cacheState,
    system: () => current().options.metrics.system,
  });
  const metricState = () => ({
    leasesInFlight: leases.inFlight,
    modelsCacheAgeSeconds: current().cache.ageSeconds(),
  });
  const measured = { kms, health, metrics, metricState, siblings };
  const feed = new LiveFeed({
    snapshots: (queries) => source.takeAll(queries),
    metrics: () => allMetrics(measured),
    logger,
  });
  const assets = await readAssets();
  return {
    pages: metricsPages({ ...measured, source, feed, assets }),
    own: {
      metrics: () => metrics.additive({ leasesInFlight: leases.inFlight }),
      load: () => ({ use: ownUse(gatewayName(siblings)), cache: metrics.modelsCache() }),
    },
    stop: () => feed.stop(),
  };
}
