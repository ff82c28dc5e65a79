import type { KmsClient } from '@openrouter-proxy/kms-protocol';
import type { Exchange } from './exchange.ts';
import { degradedReasons, kmsStatus } from './health.ts';
import type { Leases } from './leases.ts';
import type { RequestTarget } from './request-target.ts';

/** What the health of the gateway is told from. */
export interface HealthParts {
  kms: KmsClient;
  leases: Leases;
  modelsCacheAgeSeconds(): number | null;
  draining(): boolean;
  now(): number;
}

type HealthTarget = Extract<RequestTarget, { kind: 'health' }>;

/** `/health`, `/health/live` and `/health/ready`. */
export function healthPage(parts: HealthParts) {
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
