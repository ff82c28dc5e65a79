import { Registry, collectDefaultMetrics } from 'prom-client';
import {
  HEALTH_CAUSES,
  metricFamilies,
  type HealthCause,
  type MetricFamily,
  type OutcomeKind,
} from '@openrouter-proxy/kms-protocol';
import type { RequestRecord } from '../request/request-record.ts';
import { BoundedLabels } from './bounded-labels.ts';
import {
  Maker,
  PREFIX,
  poolMetrics,
  requestMetrics,
  stateMetrics,
  usageMetrics,
} from './definitions.ts';
import { BatchedCounters } from './batched-counters.ts';
import { systemMetrics } from './system-metrics.ts';
import { UsageLabels } from './usage-labels.ts';

/** Clients with a label of their own: as many as a configuration may name. */
const MAX_CLIENTS = 1_001;

/** Metrics that are the same in every worker of a gateway. */
const NOT_ADDITIVE = /^openrouter_proxy_(?:kms_up$|health$|models_cache_age_seconds$|system_)/;

/** Values that are read at each scrape. */
export interface MetricState {
  leasesInFlight: number;
  modelsCacheAgeSeconds: number | null;
  /** Whether the key service answers. */
  isKmsUp: boolean;
  /** The health causes in force. */
  causes: readonly HealthCause[];
}

/** The gateway's metrics, with one method for each event. */
export interface GatewayMetrics {
  /** Counts a request that is over. */
  request(record: RequestRecord): void;
  attempt(outcome: OutcomeKind): void;
  /** A key was leased after `ms`; a key was returned after `ms`. */
  leased(ms: number): void;
  returned(ms: number): void;
  modelsCacheHit(): void;
  modelsCacheMiss(): void;
  /** Hits and misses so far. */
  modelsCache(): { hits: number; misses: number };
  /** All metrics, with the current state. */
  families(state: MetricState): Promise<MetricFamily[]>;
  /** The metrics that can be added to those of other workers: without those of the machine and of other processes. */
  additive(state: Pick<MetricState, 'leasesInFlight'>): Promise<MetricFamily[]>;
}

type RequestMetrics = ReturnType<typeof requestMetrics>;

/** A request that is over, with its client as a bounded label. */
type Counted = Omit<RequestRecord, 'client'> & { readonly client: string };

function countRequest(metrics: RequestMetrics, counted: Counted): void {
  const { api, client, status, totalMs, firstByteMs, firstContentMs, answerVerdict } = counted;
  const label = { api: api ?? 'own' };
  const code = status === null ? 'none' : String(status);
  metrics.requests.inc({ ...label, code, client });
  metrics.duration.observe(label, totalMs / 1_000);
  if (firstByteMs !== null) metrics.firstByte.observe(label, firstByteMs / 1_000);
  if (firstContentMs !== null) metrics.firstContent.observe(label, firstContentMs / 1_000);
  if (answerVerdict !== null) metrics.verdicts.inc({ verdict: answerVerdict });
}

/** Creates the usage metrics at the first usage: without token counting there are none. */
function usageCounter(make: Maker): (counted: Counted) => void {
  let metrics: ReturnType<typeof usageMetrics> | undefined;
  const labels = new UsageLabels();
  return ({ usage, model, client, isUsageUnknown }) => {
    if (usage === null && !isUsageUnknown) return;
    metrics ??= usageMetrics(make);
    if (isUsageUnknown) metrics.unknown.inc();
    if (usage === null) return;
    const label = labels.of(model, client);
    metrics.sent.inc(label, usage.sent);
    metrics.received.inc(label, usage.received);
    metrics.cached.inc(label, usage.cached);
    metrics.reasoning.inc(label, usage.reasoning);
    metrics.cost.inc(label, usage.cost);
    metrics.sentInAll.inc(usage.sent);
    metrics.receivedInAll.inc(usage.received);
  };
}

function collectSystem(registry: Registry, worker: number | null): void {
  const labels = { component: 'gateway', ...(worker === null ? {} : { worker: String(worker) }) };
  collectDefaultMetrics({ register: registry, labels });
  systemMetrics(registry, PREFIX);
}

function cacheCounter({ cacheHits, cacheMisses }: ReturnType<typeof poolMetrics>) {
  const cache = { hits: 0, misses: 0 };
  return {
    modelsCacheHit() {
      cache.hits += 1;
      cacheHits.inc();
    },
    modelsCacheMiss() {
      cache.misses += 1;
      cacheMisses.inc();
    },
    modelsCache: () => ({ ...cache }),
  };
}

function setHealth(
  { health }: ReturnType<typeof stateMetrics>,
  causes: readonly HealthCause[],
): void {
  const standing = new Set(causes.map(({ kind }) => kind));
  for (const cause of HEALTH_CAUSES) health.set({ cause }, standing.has(cause) ? 1 : 0);
}

/** Options of the metrics. */
export interface MetricsOptions {
  readonly system: boolean;
  /** The number of this worker; null: the gateway is a single process. */
  readonly worker: number | null;
  /** Called when an observation cannot be counted. */
  readonly onError: (error: unknown) => void;
}

/** Creates the metrics in a registry of their own; `system` adds the process's and the machine's. */
export function createMetrics(options: MetricsOptions): GatewayMetrics {
  const registry = new Registry();
  const make = new Maker(registry);
  if (options.system) collectSystem(registry, options.worker);
  const metrics = { ...requestMetrics(make), ...poolMetrics(make) };
  const countUsage = usageCounter(make);
  const gauges = stateMetrics(make);
  const clients = new BoundedLabels(MAX_CLIENTS);
  const later = new BatchedCounters(options.onError);
  const collect = async (leasesInFlight: number) => {
    later.countAll();
    gauges.leases.set(leasesInFlight);
    return metricFamilies(await registry.getMetricsAsJSON());
  };
  return {
    request(record) {
      const counted = { ...record, client: clients.of(record.client ?? 'none') };
      later.add(() => {
        countRequest(metrics, counted);
        countUsage(counted);
      });
    },
    attempt: (outcome) => later.add(() => metrics.attempts.inc({ outcome })),
    leased: (ms) => later.add(() => metrics.leaseWait.observe(ms / 1_000)),
    returned: (ms) => later.add(() => metrics.leaseDuration.observe(ms / 1_000)),
    ...cacheCounter(metrics),
    families({ leasesInFlight, modelsCacheAgeSeconds, isKmsUp, causes }) {
      gauges.cacheAge.set(modelsCacheAgeSeconds ?? 0);
      gauges.kmsUp.set(isKmsUp ? 1 : 0);
      setHealth(gauges, causes);
      return collect(leasesInFlight);
    },
    async additive({ leasesInFlight }) {
      const all = await collect(leasesInFlight);
      return all.filter(({ name }) => !NOT_ADDITIVE.test(name));
    },
  };
}
