import type { HealthCauseKind } from '@openrouter-proxy/kms-protocol';
import type { RequestContext } from '../response/request-context.ts';
import type { HealthSource, HealthView } from './health.ts';
import type { Leases } from '../key-service/leases.ts';
import type { RequestTarget } from '../http/request-target.ts';

/** The sources of the health pages. */
export interface HealthDeps {
  health: HealthSource;
  leases: Leases;
  modelsCacheAgeSeconds: () => number | null;
}

type HealthTarget = Extract<RequestTarget, { kind: 'health' }>;

/** Without an available key the gateway can still answer with a Retry-After: it is degraded, but ready. */
const NOT_READY: readonly HealthCauseKind[] = ['shutting_down', 'key_service_away'];

/** The reasons for a 503; none: 200. */
function reasonsFor(probe: HealthTarget['probe'], { statements }: HealthView): string[] {
  const against = statements.filter(({ severity, cause }) =>
    probe === 'ready' ? NOT_READY.includes(cause) : severity === 'critical',
  );
  return against.map(({ sentence }) => sentence);
}

/** `/health`, `/health/live` and `/health/ready`. */
export function healthPage(deps: HealthDeps) {
  return async ({ writer }: RequestContext, target: HealthTarget): Promise<void> => {
    const headers = { 'cache-control': 'no-store' };
    if (target.probe === 'live') {
      writer.answerJson(200, { status: 'ok' }, headers);
      return;
    }
    const health = await deps.health.look();
    const reasons = reasonsFor(target.probe, health);
    const body = reasons.length === 0 ? { status: 'ok' } : { status: 'degraded', reasons };
    const details = target.verbose ? verboseDetails(deps, health) : {};
    writer.answerJson(reasons.length === 0 ? 200 : 503, { ...body, ...details }, headers);
  };
}

function verboseDetails({ leases, modelsCacheAgeSeconds }: HealthDeps, health: HealthView) {
  const { level, statements, status } = health;
  return {
    level,
    causes: statements.map(({ since, ...statement }) => ({
      ...statement,
      since: new Date(since).toISOString(),
    })),
    kms: status,
    gateway: { leasesInFlight: leases.inFlight, uptimeSeconds: process.uptime() },
    modelsCache: { ageSeconds: modelsCacheAgeSeconds() },
  };
}
