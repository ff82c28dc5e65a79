import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { OutcomeKind } from '@openrouter-proxy/kms-protocol';
import type { Exchange } from './exchange.ts';

const PREFIX = 'openrouter_proxy_';
const SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** What is read when somebody looks, rather than counted when it happens. */
export interface MetricState {
  leasesInFlight: number;
  modelsCacheAgeSeconds: number | null;
  /** Keys by state; null when the key service does not answer. */
  keys: { available: number; cooling: number; disabled: number } | null;
}

/** The gateway's metrics: every name, label and help text is here, and each has a verb. */
export interface GatewayMetrics {
  readonly contentType: string;
  /** Counts a finished exchange. */
  exchange(exchange: Exchange): void;
  attempt(outcome: OutcomeKind): void;
  modelsCacheHit(): void;
  modelsCacheMiss(): void;
  /** The Prometheus text, with the state of the moment. */
  text(state: MetricState): Promise<string>;
}

/** What is counted. Label values come from closed sets and the configuration only, so they are bounded. */
function countedMetrics(registers: Registry[]) {
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name: PREFIX + name, help, labelNames, registers });
  const perApi = (name: string, help: string) =>
    new Histogram({ name: PREFIX + name, help, labelNames: ['api'], buckets: SECONDS, registers });
  return {
    requests: counter(
      'requests_total',
      'Requests answered, by API, status code and client.',
      ...(['api', 'code', 'client'] as const),
    ),
    duration: perApi(
      'request_duration_seconds',
      'Time from the head of a request to the end of its answer.',
    ),
    firstByte: perApi(
      'time_to_first_byte_seconds',
      'Time from the head of a request to the head of its answer.',
    ),
    attempts: counter(
      'upstream_attempts_total',
      'Upstream attempts, by what came of them.',
      'outcome',
    ),
    verdicts: counter('stream_verdicts_total', 'Relayed answers, by how they ended.', 'verdict'),
    cacheHits: counter('models_cache_hits_total', 'Model lists served from the cache.'),
    cacheMisses: counter(
      'models_cache_misses_total',
      'Requests for a model list that had to wait for the upstream.',
    ),
  };
}

/** What is set at each look. */
function stateMetrics(registers: Registry[]) {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  return {
    leases: gauge(`${PREFIX}leases_in_flight`, 'Leases in use by this gateway.'),
    cacheAge: gauge(`${PREFIX}models_cache_age_seconds`, 'Age of the model list in the cache.'),
    kmsUp: gauge(`${PREFIX}kms_up`, 'Whether the key service answers.'),
    keys: new Gauge({
      name: `${PREFIX}keys`,
      help: 'Keys, by state.',
      labelNames: ['state'],
      registers,
    }),
    activeKeys: gauge('kms_active_keys', 'Keys that can be leased now.'),
    cooldownKeys: gauge('kms_cooldown_keys', 'Keys that are set aside for a time.'),
  };
}

function setState(gauges: ReturnType<typeof stateMetrics>, state: MetricState): void {
  gauges.leases.set(state.leasesInFlight);
  gauges.cacheAge.set(state.modelsCacheAgeSeconds ?? 0);
  gauges.kmsUp.set(state.keys === null ? 0 : 1);
  if (state.keys === null) return;
  for (const [name, count] of Object.entries(state.keys)) gauges.keys.set({ state: name }, count);
  gauges.activeKeys.set(state.keys.available);
  gauges.cooldownKeys.set(state.keys.cooling);
}

/** Creates the metrics in a registry of their own; `system` adds those of the process. */
export function createMetrics(options: { system: boolean }): GatewayMetrics {
  const registry = new Registry();
  if (options.system) collectDefaultMetrics({ register: registry });
  const counted = countedMetrics([registry]);
  const gauges = stateMetrics([registry]);
  return {
    contentType: registry.contentType,
    exchange({ api, client, response, elapsedMs, firstByteMs, verdict }) {
      const label = { api: api ?? 'own' };
      const code = response.headersSent ? String(response.statusCode) : 'none';
      counted.requests.inc({ ...label, code, client: client ?? 'none' });
      counted.duration.observe(label, elapsedMs / 1000);
      if (firstByteMs !== null) counted.firstByte.observe(label, firstByteMs / 1000);
      if (verdict !== null) counted.verdicts.inc({ verdict });
    },
    attempt: (outcome) => counted.attempts.inc({ outcome }),
    modelsCacheHit: () => counted.cacheHits.inc(),
    modelsCacheMiss: () => counted.cacheMisses.inc(),
    text(state) {
      setState(gauges, state);
      return registry.metrics();
    },
  };
}
