import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The prefix of our own metrics. */
export const PREFIX = 'openrouter_proxy_';
const SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** Makes metrics in a registry. Label values come from closed sets and the configuration, or are bounded. */
export class Maker {
  readonly #registers: Registry[];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  counter<Label extends string>(name: string, help: string, ...labelNames: Label[]) {
    return new Counter({ name, help, labelNames, registers: this.#registers });
  }

  gauge<Label extends string>(name: string, help: string, ...labelNames: Label[]) {
    return new Gauge({ name: PREFIX + name, help, labelNames, registers: this.#registers });
  }

  seconds<Label extends string>(name: string, help: string, ...labelNames: Label[]) {
    const registers = this.#registers;
    return new Histogram({ name: PREFIX + name, help, labelNames, buckets: SECONDS, registers });
  }
}

/** Requests and attempts: how many, how they ended, how long they took. */
export function requestMetrics(make: Maker) {
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

/** Leases, and the cache of the model list. */
export function poolMetrics(make: Maker) {
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
export function usageMetrics(make: Maker) {
  const used = (name: string, help: string) =>
    make.counter(PREFIX + name, help, ...(['model', 'client'] as const));
  return {
    sent: used('tokens_sent_total', 'Tokens of prompts.'),
    received: used('tokens_received_total', 'Tokens of answers.'),
    cached: used('tokens_cached_total', 'Tokens of prompts that were read from a cache.'),
    reasoning: used('tokens_reasoning_total', 'Tokens of answers that were spent on thinking.'),
    cost: used('cost_credits_total', 'Credits that answers have cost.'),
    unknown: make.counter(
      `${PREFIX}answers_without_usage_total`,
      'Answers of models that did not say, or not to the end, what they used.',
    ),
    sentInAll: make.counter('openrouter_tokens_sent_total', 'Tokens of prompts.'),
    receivedInAll: make.counter('openrouter_tokens_received_total', 'Tokens of answers.'),
  };
}

/** Gauges that are read at each scrape. */
export function stateMetrics(make: Maker) {
  return {
    leases: make.gauge('leases_in_flight', 'Keys in use by this gateway.'),
    cacheAge: make.gauge('models_cache_age_seconds', 'Age of the model list in the cache.'),
    kmsUp: make.gauge('kms_up', 'Whether the key service answers.'),
    health: make.gauge(
      'health',
      'Whether something is wrong (1) or not (0), by its cause.',
      'cause',
    ),
  };
}
