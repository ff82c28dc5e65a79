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
import { allMetrics, metricsPages, type PagesDeps } from './pages.ts';
import { SnapshotSource } from './snapshot-source.ts';

/** What the dashboard shows. */
export interface DashboardDeps {
  readonly kms: KmsClient;
  readonly leases: Leases;
  readonly cache: () => ModelsCache;
  /** What is configured at the moment. */
  readonly options: () => Pick<GatewayConfiguration, 'cache' | 'metrics'>;
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
  /** What this process does, as its siblings show it together with what they do. */
  readonly own: {
    metrics(): Promise<MetricFamily[]>;
    load(): WorkerLoad;
  };
  /** Ends the views that are open. */
  stop(): void;
}

/** Puts the dashboard together. */
export async function createDashboard(shown: DashboardDeps): Promise<Dashboard> {
  const { kms, leases, cache, options, metrics, logger, siblings, health, now } = shown;
  const cacheState = () => {
    const { enabled, ttlMs } = options().cache;
    const ageSeconds = cache().ageSeconds();
    return { enabled, ageSeconds, ttlSeconds: ttlMs / 1_000, ...metrics.modelsCache() };
  };
  const source = new SnapshotSource({
    ...{ kms, siblings, health, now },
    cache: cacheState,
    system: () => options().metrics.system,
  });
  const metricState = () => ({
    leasesInFlight: leases.inFlight,
    modelsCacheAgeSeconds: cache().ageSeconds(),
  });
  const feed = new LiveFeed({
    snapshots: (queries) => source.takeAll(queries),
    metrics: () => allMetrics(parts),
    logger,
  });
  const assets = await readAssets();
  const parts: PagesDeps = { kms, health, metrics, metricState, siblings, source, feed, assets };
  return {
    pages: metricsPages(parts),
    own: {
      metrics: () => metrics.additive({ leasesInFlight: leases.inFlight }),
      load: () => ({ use: ownUse(gatewayName(siblings)), cache: metrics.modelsCache() }),
    },
    stop: () => feed.stop(),
  };
}
