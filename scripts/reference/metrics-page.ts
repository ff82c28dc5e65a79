import type { KeyView, MetricFamily } from '@openrouter-proxy/kms-protocol';
import { createMetrics as gatewayMetrics } from '@openrouter-proxy/gateway/metrics';
import { createMetrics as kmsMetrics } from '@openrouter-proxy/kms/metrics';

const HEAD = `# Metrics

\`/metrics\` is the dashboard for a browser and the Prometheus text for a scraper (OpenMetrics if it asks for that, as Prometheus does by default);
\`/metrics/raw\` is always the text. Both want the access key (\`Authorization: Bearer\`, \`x-api-key\`, or Basic with the key as password), unless
\`server.metrics_public\` is on. All processes are in one scrape: the key service, the gateway, and each of its workers.

\`deploy/prometheus/prometheus.yml\` scrapes it, \`deploy/prometheus/alerts.yml\` warns (pool running dry, key revoked, key service down, errors, cut streams,
quota running out), \`deploy/grafana/openrouter-proxy.json\` shows it.

Labels are bounded: models that have figures of their own are at most 300, clients are those of the configuration, keys are shown by name, the first 500. Tokens
and costs have at most 2,000 pairs of a model and a client in each process; a client's further models count as \`other\`.
Prompts, answers, paths and request ids are in no metric.

What each client spent in 30 days: \`sum by (client) (increase(openrouter_proxy_cost_credits_total[30d]))\`.
`;

const TAIL = `With \`server.enable_system_metrics\` come the machine's (\`openrouter_proxy_system_cpu_seconds_total\`, \`openrouter_proxy_system_memory_bytes\`,
\`openrouter_proxy_system_load_average\`) and those of the processes (\`process_…\`, \`nodejs_…\`), with the label \`component\`, and \`worker\` where there are several.
Without \`server.enable_token_counting\` those of tokens and costs are absent.`;

/** A request with everything that metrics count. */
const RECORD = {
  api: 'chat',
  client: 'default',
  status: 200,
  totalMs: 1,
  firstByteMs: 1,
  firstContentMs: 1,
  answerVerdict: 'complete',
  usage: { sent: 1, received: 1, cached: 1, reasoning: 1, cost: 1 },
  isUsageUnknown: true,
  model: 'openai/gpt-4o',
};

const WINDOW = { used: 1, limit: 20, resetsAt: 1 };
const KEY: Pick<KeyView, 'name' | 'account' | 'state' | 'inFlight' | 'freeRequests'> &
  Pick<KeyView, 'limitRemaining' | 'unexplainedCost'> = {
  name: 'key-1',
  account: 'team',
  state: {
    kind: 'cooling',
    since: 0,
    until: 1,
    cause: { reason: 'operator', source: 'operator', detail: '' },
  },
  inFlight: 1,
  freeRequests: { minute: WINDOW, day: WINDOW },
  limitRemaining: 1,
  unexplainedCost: null,
};

/** docs/metrics.md, from the metrics' own definitions. */
export async function metricsPage(): Promise<string> {
  const gateway = gatewayMetrics({
    ...{ system: false, worker: null },
    onError(error) {
      throw error;
    },
  });
  gateway.request(RECORD as Parameters<typeof gateway.request>[0]); // as much of one as metrics look at
  gateway.attempt('success');
  const ofGateway = await gateway.families({
    leasesInFlight: 0,
    modelsCacheAgeSeconds: 0,
    isKmsUp: true,
    causes: [],
  });
  const ofKms = await kmsMetrics(
    {
      status: () =>
        Promise.resolve({
          keys: { available: 1, cooling: 0, refused: 0, disabled: 0 },
          waiting: 0,
          store: { backend: 'embedded', healthy: true, trouble: null, machines: [] },
        }),
      list: () => Promise.resolve([KEY as KeyView]), // as much of one as metrics look at
    },
    { process: false, now: () => 0 },
  )();
  return [
    HEAD,
    '## Of the gateway',
    tableOf(ofGateway),
    '## Of the key service',
    tableOf(ofKms),
    TAIL,
  ].join('\n\n');
}

function tableOf(families: readonly MetricFamily[]): string {
  const rows = families.map((family) => {
    const labels = new Set(family.values.flatMap(({ labels: own }) => Object.keys(own)));
    labels.delete('le');
    const named = [...labels].map((label) => `\`${label}\``).join(', ');
    return `| \`${family.name}\` | ${family.type} | ${named} | ${family.help} |`;
  });
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
