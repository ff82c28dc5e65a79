import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import {
  metricFamilies,
  type MetricFamily,
  type OutcomeKind,
} from '@openrouter-proxy/kms-protocol';
import type { Exchange } from '../exchange.ts';
import { BoundedLabels } from './bounded-labels.ts';
import { systemMetrics } from './system-metrics.ts';

const PREFIX = 'openrouter_proxy_';
const SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];
/** Models that have figures of their own; further ones share those of `other`. */
const MAX_MODELS = 300;

/** What every worker of a gateway would tell alike. */
const NOT_ADDITIVE = /^openrouter_proxy_(?:kms_up$|models_cache_age_seconds$|system_)/;

/** What is read when somebody looks, rather than counted when it happens. */
export interface MetricState {
  leasesInFlight: number;
  modelsCacheAgeSeconds: number | null;
  /** Whether the key service answers. */
  isKmsUp: boolean;
}

/** The gateway's metrics: every name, label and help text is here, and each has a verb. */
export interface GatewayMetrics {
  /** Counts a finished exchange. */
  exchange(exchange: Exchange): void;
  attempt(outcome: OutcomeKind): void;
  /** A key was had after so long, and a key was held for so long. */
  leased(ms: number): void;
  returned(ms: number): void;
  modelsCacheHit(): void;
  modelsCacheMiss(): void;
  /** Hits and misses so far. */
  modelsCache(): { hits: number; misses: number };
  /** All of them, with the state of the moment. */
  families(state: MetricState): Promise<MetricFamily[]>;
  /** Those that add up with the ones of other processes: what tells of the machine, or of another, is left out. */
  additive(state: Pick<MetricState, 'leasesInFlight'>): Promise<MetricFamily[]>;
}

/** Makes metrics in a registry. Label values come from closed sets and the configuration, or are bounded. */
class Maker {
  readonly #registers: Registry[];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  counter<Label extends string>(name: string, help: string, ...labelNames: Label[]) {
    return new Counter({ name, help, labelNames, registers: this.#registers });
  }

  gauge(name: string, help: string) {
    return new Gauge({ name: PREFIX + name, help, registers: this.#registers });
  }

  seconds<Label extends string>(name: string, help: string, ...labelNames: Label[]) {
    const registers = this.#registers;
    return new Histogram({ name: PREFIX + name, help, labelNames, buckets: SECONDS, registers });
  }
}

function requestMetrics(make: Maker) {
  return {
    requests: make.counter(
      `${PREFIX}requests_total`,
      'Requests answered, by API, status code and client.',
      ...(['api', 'code', 'client'] as const),
    ),
    duration: make.seconds(
      'request_duration_seconds',
      'Time from the head of a request to the end of its answer.',
      'api',
    ),
    firstByte: make.seconds(
      'time_to_first_byte_seconds',
      'Time from the head of a request to the head of its answer.',
      'api',
    ),
    firstContent: make.seconds(
      'time_to_first_content_seconds',
      'Time from the head of a request to the first content of its answer.',
      'api',
    ),
    attempts: make.counter(
      `${PREFIX}upstream_attempts_total`,
      'Upstream attempts, by what came of them.',
      'outcome',
    ),
    verdicts: make.counter(
      `${PREFIX}stream_verdicts_total`,
      'Relayed answers, by how they ended.',
      'verdict',
    ),
  };
}

function poolMetrics(make: Maker) {
  return {
    leaseWait: make.seconds('lease_wait_seconds', 'Time a request waited for its key.'),
    leaseDuration: make.seconds('lease_duration_seconds', 'Time a key was held by a request.'),
    cacheHits: make.counter(
      `${PREFIX}models_cache_hits_total`,
      'Model lists served from the cache.',
    ),
    cacheMisses: make.counter(
      `${PREFIX}models_cache_misses_total`,
      'Requests for a model list that had to wait for the upstream.',
    ),
  };
}

/** Tokens and credits, as OpenRouter reports them. */
function usageMetrics(make: Maker) {
  const perModel = (name: string, help: string) => make.counter(PREFIX + name, help, 'model');
  return {
    sent: perModel('tokens_sent_total', 'Tokens of prompts.'),
    received: perModel('tokens_received_total', 'Tokens of answers.'),
    cached: perModel('tokens_cached_total', 'Tokens of prompts that were read from a cache.'),
    reasoning: perModel('tokens_reasoning_total', 'Tokens of answers that were spent on thinking.'),
    cost: perModel('cost_credits_total', 'Credits that answers have cost.'),
    unknown: make.counter(
      `${PREFIX}answers_without_usage_total`,
      'Answers of models that did not say, or not to the end, what they used.',
    ),
    sentInAll: make.counter('openrouter_tokens_sent_total', 'Tokens of prompts.'),
    receivedInAll: make.counter('openrouter_tokens_received_total', 'Tokens of answers.'),
  };
}

function stateMetrics(make: Maker) {
  return {
    leases: make.gauge('leases_in_flight', 'Keys in use by this gateway.'),
    cacheAge: make.gauge('models_cache_age_seconds', 'Age of the model list in the cache.'),
    kmsUp: make.gauge('kms_up', 'Whether the key service answers.'),
  };
}

type RequestMetrics = ReturnType<typeof requestMetrics>;

function countRequest(metrics: RequestMetrics, exchange: Exchange): void {
  const { api, client, response, elapsedMs, firstByteMs, firstContentMs, verdict } = exchange;
  const label = { api: api ?? 'own' };
  const code = response.headersSent ? String(response.statusCode) : 'none';
  metrics.requests.inc({ ...label, code, client: client ?? 'none' });
  metrics.duration.observe(label, elapsedMs / 1_000);
  if (firstByteMs !== null) metrics.firstByte.observe(label, firstByteMs / 1_000);
  if (firstContentMs !== null) metrics.firstContent.observe(label, firstContentMs / 1_000);
  if (verdict !== null) metrics.verdicts.inc({ verdict });
}

/** Where tokens are not counted there are no such metrics. */
function usageCounter(make: Maker): (exchange: Exchange) => void {
  let metrics: ReturnType<typeof usageMetrics> | undefined;
  const models = new BoundedLabels(MAX_MODELS);
  return ({ usage, model, isUsageUnknown }) => {
    if (usage === null && !isUsageUnknown) return;
    metrics ??= usageMetrics(make);
    if (isUsageUnknown) metrics.unknown.inc();
    if (usage === null) return;
    const label = { model: models.of(model ?? 'unknown') };
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

/** What metrics there are. */
export interface MetricsOptions {
  readonly system: boolean;
  /** The number of the worker that this is; null: it is the only process. */
  readonly worker: number | null;
}

/** Creates the metrics in a registry of their own; `system` adds the process's and the machine's. */
export function createMetrics(options: MetricsOptions): GatewayMetrics {
  const registry = new Registry();
  const make = new Maker(registry);
  if (options.system) collectSystem(registry, options.worker);
  const counted = { ...requestMetrics(make), ...poolMetrics(make) };
  const countUsage = usageCounter(make);
  const gauges = stateMetrics(make);
  const cache = { hits: 0, misses: 0 };
  return {
    exchange(exchange) {
      countRequest(counted, exchange);
      countUsage(exchange);
    },
    attempt: (outcome) => counted.attempts.inc({ outcome }),
    leased: (ms) => counted.leaseWait.observe(ms / 1_000),
    returned: (ms) => counted.leaseDuration.observe(ms / 1_000),
    modelsCacheHit() {
      cache.hits += 1;
      counted.cacheHits.inc();
    },
    modelsCacheMiss() {
      cache.misses += 1;
      counted.cacheMisses.inc();
    },
    modelsCache: () => ({ ...cache }),
    async families(state) {
      gauges.leases.set(state.leasesInFlight);
      gauges.cacheAge.set(state.modelsCacheAgeSeconds ?? 0);
      gauges.kmsUp.set(state.isKmsUp ? 1 : 0);
      return metricFamilies(await registry.getMetricsAsJSON());
    },
    async additive({ leasesInFlight }) {
      gauges.leases.set(leasesInFlight);
      const all = metricFamilies(await registry.getMetricsAsJSON());
      return all.filter(({ name }) => !NOT_ADDITIVE.test(name));
    },
  };
}
