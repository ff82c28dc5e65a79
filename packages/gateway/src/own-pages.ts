import type { KmsClient } from '@openrouter-proxy/kms-protocol';
import type { Exchange } from './exchange.ts';
import { degradedReasons, kmsStatus } from './health.ts';
import type { Leases } from './leases.ts';
import { metricsPage, PAGE_CSP } from './metrics-page.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { RequestTarget } from './request-target.ts';

/** What the gateway's own pages tell of. */
export interface OwnPageParts {
  kms: KmsClient;
  leases: Leases;
  metrics: GatewayMetrics;
  modelsCacheAgeSeconds(): number | null;
  draining(): boolean;
  now(): number;
}

type HealthTarget = Extract<RequestTarget, { kind: 'health' }>;
type MetricsTarget = Extract<RequestTarget, { kind: 'metrics' }>;

/** `/health`, `/health/live` and `/health/ready`. */
export function healthPage(parts: OwnPageParts) {
  return async (exchange: Exchange, target: HealthTarget): Promise<void> => {
    const headers = { 'cache-control': 'no-store' };
    if (target.probe === 'live') {
      exchange.answerJson(200, { status: 'ok' }, headers);
      return;
    }
    const status = await kmsStatus(parts.kms);
    const all = degradedReasons(status, parts.draining(), parts.now());
    // A pool that is empty for now can still answer, with a Retry-After: it is ready, though not well.
    const reasons = target.probe === 'ready' && status !== null && !parts.draining() ? [] : all;
    const body = reasons.length === 0 ? { status: 'ok' } : { status: 'degraded', reasons };
    const details = target.verbose
      ? {
          kms: status,
          gateway: { leasesInFlight: parts.leases.inFlight, uptimeSeconds: process.uptime() },
          modelsCache: { ageSeconds: parts.modelsCacheAgeSeconds() },
        }
      : {};
    exchange.answerJson(reasons.length === 0 ? 200 : 503, { ...body, ...details }, headers);
  };
}

/** `/metrics` for people and scrapers, `/metrics/raw` for scrapers. */
export function metricsPages(parts: OwnPageParts) {
  return async (exchange: Exchange, target: MetricsTarget): Promise<void> => {
    const status = await kmsStatus(parts.kms);
    const text = await parts.metrics.text({
      leasesInFlight: parts.leases.inFlight,
      modelsCacheAgeSeconds: parts.modelsCacheAgeSeconds(),
      keys: status?.keys ?? null,
    });
    const forPerson = !target.raw && /\btext\/html\b/.test(exchange.request.headers.accept ?? '');
    if (!forPerson) {
      exchange.answer(200, Buffer.from(text), {
        'content-type': parts.metrics.contentType,
        'cache-control': 'no-store',
        vary: 'Accept',
      });
      return;
    }
    exchange.answer(200, Buffer.from(metricsPage(status, text)), {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': PAGE_CSP,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      vary: 'Accept',
    });
  };
}
