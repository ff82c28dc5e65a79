import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import {
  metricFamilies,
  type KeyView,
  type MetricFamily,
  type Result,
} from '@openrouter-proxy/kms-protocol';

const PREFIX = 'openrouter_proxy_';
/** The most keys with metrics of their own: the first in the configuration. */
const MAX_KEYS_SHOWN = 500;

/** The source of the metrics. */
export interface MetricsSource {
  status(): Promise<Pick<Result<'service.status'>, 'keys' | 'waiting' | 'store'>>;
  list(offset: number, limit: number): Promise<KeyView[]>;
}

/** The gauges and their help texts. All are set at each read. */
function gauges(registers: Registry[]) {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  return {
    keys: gauge(`${PREFIX}keys`, 'Keys, by state.', 'state'),
    cooldown: gauge(
      `${PREFIX}key_cooldown_seconds`,
      'How long a key that cools goes on to do so.',
      'key',
    ),
    inFlight: gauge(`${PREFIX}key_requests_in_flight`, 'Requests under way under a key.', 'key'),
    remaining: gauge(
      `${PREFIX}key_limit_remaining_credits`,
      "Credits left under a key's own cap, as OpenRouter said last.",
      'key',
    ),
    unexplained: gauge(
      `${PREFIX}key_unexplained_usage_credits`,
      'Credits that OpenRouter charged to a key today and that were not spent here.',
      'key',
    ),
    freeUsed: gauge(
      `${PREFIX}account_free_requests_used`,
      'Requests to :free models in the current minute or UTC day.',
      ...(['account', 'window'] as const),
    ),
    freeLimit: gauge(
      `${PREFIX}account_free_requests_limit`,
      'Requests to :free models that an account may make in a minute or UTC day.',
      ...(['account', 'window'] as const),
    ),
    waiting: gauge(`${PREFIX}requests_waiting`, 'Requests that wait for a key.'),
    store: gauge(`${PREFIX}state_store_up`, 'Whether states of keys can be saved.'),
    activeKeys: gauge('kms_active_keys', 'Keys that can be leased now.'),
    cooldownKeys: gauge('kms_cooldown_keys', 'Keys that are set aside for a time.'),
  };
}

type Gauges = ReturnType<typeof gauges>;

/** Returns a function that reads all metrics. `process` adds those of the process itself. */
export function createMetrics(
  source: MetricsSource,
  options: { process: boolean; now: () => number },
): () => Promise<MetricFamily[]> {
  const registry = new Registry();
  if (options.process) collectDefaultMetrics({ register: registry, labels: { component: 'kms' } });
  const all = gauges([registry]);
  return async () => {
    const [status, keys] = await Promise.all([source.status(), source.list(0, MAX_KEYS_SHOWN)]);
    setPool(all, status);
    setKeys(all, keys, options.now());
    return metricFamilies(await registry.getMetricsAsJSON());
  };
}

function setPool(
  all: Gauges,
  { keys, waiting, store }: Awaited<ReturnType<MetricsSource['status']>>,
) {
  for (const [state, count] of Object.entries(keys)) all.keys.set({ state }, count);
  all.activeKeys.set(keys.available);
  all.cooldownKeys.set(keys.cooling);
  all.waiting.set(waiting);
  all.store.set(store.healthy ? 1 : 0);
}

function setKeys(all: Gauges, keys: readonly KeyView[], now: number): void {
  for (const each of [all.cooldown, all.remaining, all.freeUsed, all.freeLimit]) each.reset();
  for (const key of keys) {
    const label = { key: key.name };
    if (key.state.kind === 'cooling') {
      all.cooldown.set(label, Math.max(0, key.state.until - now) / 1_000);
    }
    all.inFlight.set(label, key.inFlight);
    all.unexplained.set(label, key.unexplainedCost ?? 0);
    if (key.limitRemaining !== null) all.remaining.set(label, key.limitRemaining);
    for (const [window, { used, limit }] of Object.entries(key.freeRequests)) {
      const account = { account: key.account, window };
      all.freeUsed.set(account, used);
      if (limit !== null) all.freeLimit.set(account, limit);
    }
  }
}
