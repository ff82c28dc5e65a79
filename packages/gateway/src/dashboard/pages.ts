import type { IncomingMessage } from 'node:http';
import { parseViewQuery, renderPage, type Assets } from '@openrouter-proxy/dashboard';
import { KmsError, type KmsClient, type MetricFamily } from '@openrouter-proxy/kms-protocol';
import accepts from 'accepts';
import type { RequestContext } from '../response/request-context.ts';
import type { HealthSource } from '../health/health.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { GatewayMetrics, MetricState } from '../metrics/gateway-metrics.ts';
import { mergedFamilies, metricText, TEXT_FORMATS } from '../metrics/metric-families.ts';
import type { RequestTarget } from '../http/request-target.ts';
import { codedBody, codedStream, CodedFiles } from './content-coding.ts';
import type { Siblings } from '../workers/siblings.ts';
import type { LiveFeed } from './live-feed.ts';
import type { SnapshotSource } from './snapshot-source.ts';

type MetricsTarget = Extract<RequestTarget, { kind: 'metrics' }>;

/** Only the page's own files may run and load, and it may connect only to this gateway (W3C CSP Level 3). */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  vary: 'Accept, Accept-Encoding',
} as const;

const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0';
const FOR_EVER = 'private, max-age=31536000, immutable';

/** The sources of the pages under `/metrics`. */
export interface PagesDeps {
  readonly kms: KmsClient;
  readonly health: HealthSource;
  readonly metrics: GatewayMetrics;
  readonly metricState: () => Omit<MetricState, 'isKmsUp' | 'causes'>;
  readonly siblings: Siblings;
  readonly source: SnapshotSource;
  readonly feed: LiveFeed;
  readonly assets: Assets;
}

/** The key service's metrics; null if it does not answer. */
async function readKmsMetrics(kms: KmsClient): Promise<MetricFamily[] | null> {
  try {
    return (await kms.call('metrics.read', {})).families;
  } catch (error) {
    if (KmsError.is(error, 'UNAVAILABLE')) return null;
    throw error;
  }
}

/** The metrics of all processes. */
export async function allMetrics({
  kms,
  health,
  metrics,
  metricState,
  siblings,
}: Pick<PagesDeps, 'kms' | 'health' | 'metrics' | 'metricState' | 'siblings'>): Promise<
  MetricFamily[]
> {
  const { causes, status } = await health.look();
  const ofKms = status === null ? null : readKmsMetrics(kms);
  const [service, others] = await Promise.all([ofKms, siblings.metrics()]);
  const isKmsUp = service !== null;
  const own = await metrics.families({ ...metricState(), isKmsUp, causes });
  return mergedFamilies([own, ...others, service ?? []]);
}

/** `/metrics`, for people and scrapers, and everything under it. */
export function metricsPages(deps: PagesDeps) {
  const files = new CodedFiles();
  return async (context: RequestContext, target: MetricsTarget): Promise<void> => {
    switch (target.page) {
      case 'main':
        return prefersHtml(context) ? sendPage(context, deps, target) : sendText(context, deps);
      case 'raw':
        return sendText(context, deps);
      case 'live':
        sendLive(context, deps.feed, target);
        return;
      case 'request': {
        const requestId = new URLSearchParams(target.query).get('id') ?? '';
        const explanation = await deps.source.explain(requestId);
        context.writer.answerJson(200, explanation, { 'cache-control': 'no-store' });
        return;
      }
      case 'asset':
        return sendAsset(context, deps.assets, files, target.path);
    }
  };
}

function prefersHtml({ request }: RequestContext): boolean {
  return accepts(request).type(['text/plain', OPEN_METRICS, 'text/html']) === 'text/html';
}

async function sendText(context: RequestContext, deps: PagesDeps): Promise<void> {
  const type = accepts(context.request).type(['text/plain', OPEN_METRICS]);
  const format = type === OPEN_METRICS ? 'openMetrics' : 'prometheus';
  const text = await metricText(await allMetrics(deps), format);
  const { body, headers } = await codedBody(context.request, Buffer.from(text));
  context.writer.answer(200, body, {
    ...headers,
    'content-type': TEXT_FORMATS[format],
    'cache-control': 'no-store',
    vary: 'Accept, Accept-Encoding',
  });
}

async function sendPage(
  context: RequestContext,
  deps: PagesDeps,
  { query }: MetricsTarget,
): Promise<void> {
  const requestId = new URLSearchParams(query).get('request');
  const view = parseViewQuery(query);
  const [snapshot, metrics, explanation] = await Promise.all([
    deps.source.take(view),
    allMetrics(deps),
    requestId === null ? null : deps.source.explain(requestId.trim()),
  ]);
  const page = renderPage(
    { query: view, origin: originOf(context.request), snapshot, metrics, explanation },
    deps.assets,
  );
  const { body, headers } = await codedBody(context.request, Buffer.from(page));
  context.writer.answer(200, body, { ...headers, ...PAGE_HEADERS });
}

/** A host as it may stand in a URL: a name, an IPv4 address or an IPv6 address, and a port. */
const HOST = /^(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** The gateway's origin as the browser named it; a proxy in front may say that it was https. */
function originOf({ headers, socket }: IncomingMessage): string {
  const isTls = 'encrypted' in socket || headers['x-forwarded-proto'] === 'https';
  const host = headers.host ?? '';
  const named = HOST.test(host) ? host : `127.0.0.1:${socket.localPort ?? ''}`;
  return `${isTls ? 'https' : 'http'}://${named}`;
}

function sendLive(context: RequestContext, feed: LiveFeed, { query }: MetricsTarget): void {
  if (!feed.hasRoom) {
    throw new GatewayError('overloaded', 'Too many dashboards are open: close one.');
  }
  const { headers, open } = codedStream(context.request);
  context.writer.beginStream({
    ...headers,
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    vary: 'Accept-Encoding',
  });
  if (context.request.method === 'HEAD') context.writer.response.end();
  else feed.add(open(context.writer.response), parseViewQuery(query));
}

async function sendAsset(
  context: RequestContext,
  assets: Assets,
  files: CodedFiles,
  path: string,
): Promise<void> {
  const asset = assets.files.find((file) => file.path === path);
  if (asset === undefined) throw new GatewayError('not_found', 'No such file: reload the page.');
  const { body, headers } = await files.get(context.request, asset);
  context.writer.answer(200, body, {
    ...headers,
    vary: 'Accept-Encoding',
    'content-type': asset.contentType,
    'cache-control': FOR_EVER,
    'x-content-type-options': 'nosniff',
  });
}
