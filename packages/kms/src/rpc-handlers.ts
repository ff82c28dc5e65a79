import type { Handlers } from '@openrouter-proxy/kms-protocol';
import type { KeyPool } from './key-pool.ts';

/** What `service.status` says of the service itself. */
export interface ServiceFacts {
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** The methods of the protocol, in terms of the pool. */
export function rpcHandlers(pool: KeyPool, service: ServiceFacts): Handlers {
  return {
    'lease.acquire': (params, session) => pool.acquire(session.id, params),
    'lease.cancel': ({ requestId }, session) => ({
      cancelled: pool.cancel(session.id, requestId),
    }),
    'lease.confirm': ({ leaseId }) => pool.confirm(leaseId),
    'lease.report': ({ leaseId, outcome }) => pool.report(leaseId, outcome),
    'inspection.take': async ({ waitMs }, session) => ({
      lease: await pool.takeInspection(session.id, waitMs),
    }),
    'inspection.report': ({ leaseId, finding }) => pool.reportInspection(leaseId, finding),
    'keys.list': async () => ({ keys: await pool.list() }),
    'keys.get': ({ keyId }) => pool.get(keyId),
    'keys.disable': ({ keyId, reason }) => pool.command(keyId, { kind: 'disable', reason }),
    'keys.enable': ({ keyId }) => pool.command(keyId, { kind: 'enable' }),
    'keys.cool': ({ keyId, forMs, reason }) => pool.command(keyId, { kind: 'cool', forMs, reason }),
    'keys.uncool': ({ keyId }) => pool.command(keyId, { kind: 'uncool' }),
    'service.status': async () => ({ ...service, ...(await pool.status()) }),
    'service.ping': () => ({ pong: true }),
  };
}
