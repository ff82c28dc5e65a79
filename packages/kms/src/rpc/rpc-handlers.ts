import {
  MAX_LISTED_KEYS,
  MAX_LISTED_LEASES,
  type Handlers,
  type KeyView,
  type MetricFamily,
  type ReloadReport,
  type RequestSummary,
  type Result,
} from '@openrouter-proxy/kms-protocol';
import { createMasker, type Clock, type Secret } from '@openrouter-proxy/runtime';
import type { ObjectOwners } from '../ownership/object-owners.ts';
import { objectHandlers, type ObjectMethods } from './object-handlers.ts';
import type { ServiceHealth } from './service-health.ts';
import type { KeyPool } from '../pool/key-pool.ts';
import type { KeyCommand } from '../keys/key-state.ts';
import type { Accounting } from '../accounting/accounting.ts';
import { SeenBatches } from './seen-batches.ts';
import { timelineOf } from '../accounting/timeline.ts';
import { fitting } from '../accounting/view-size.ts';
import type { UsageSharing } from '../usage/usage-sharing.ts';

/** The protocol's bounds for one key. */
const MAX_SPANS = 200;
const MAX_LIMITS = 32;

/** The service's own part of `service.status`. */
export interface ServiceFacts {
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** Collaborators of the handlers. */
export interface HandlerDeps {
  readonly pool: KeyPool;
  readonly accounting: Accounting;
  readonly owners: ObjectOwners;
  /** Null if no other machine shares the pool. */
  readonly sharing: UsageSharing | null;
  readonly metrics: () => Promise<MetricFamily[]>;
  readonly service: ServiceFacts;
  readonly health: ServiceHealth;
  /** Asks the launcher to read the configuration again. */
  readonly reload: (dryRun: boolean) => Promise<ReloadReport>;
  /** The key for the administration of accounts; null: none is configured. */
  readonly managementKey: () => Secret | null;
  readonly clock: Clock;
  /** Called with the number of unreadable requests in a message. */
  readonly onUnreadable: (count: number) => void;
}

/** The handlers of the protocol's methods. */
export function rpcHandlers(parts: HandlerDeps): Handlers {
  const { pool, owners } = parts;
  return {
    ...poolHandlers(parts),
    ...serviceHandlers(parts),
    ...accountingHandlers(parts),
    ...objectHandlers({ owners, accountOf: (keyId) => pool.accountOf(keyId) }),
  };
}

/** An operator's reason is stored and shared with other machines: keys in it are masked. */
const masker = createMasker();
const disabling = (reason: string): KeyCommand => {
  return { kind: 'disable', reason: masker.mask(reason) };
};
const cooling = (forMs: number, reason: string): KeyCommand => {
  return { kind: 'cool', forMs, reason: masker.mask(reason) };
};

/** Adds the number of running requests to removed keys. */
function withDraining(report: ReloadReport, before: readonly KeyView[]): ReloadReport {
  const changes = report.changes.map((change) => {
    const key = before.find(({ name }) => change.setting === `openrouter.keys.${name}`);
    if (change.change !== 'removed' || key === undefined) return change;
    if (key.inFlight === 0) return change;
    const count = key.inFlight === 1 ? 'one request' : `${key.inFlight} requests`;
    return { ...change, detail: `${change.detail}, ${count} under way` };
  });
  return { ...report, changes };
}

function processUse() {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
}

type AccountingMethods =
  | 'keys.history'
  | 'leases.list'
  | 'requests.record'
  | 'requests.recent'
  | 'requests.explain'
  | 'usage.query'
  | 'traffic.query'
  | 'events.subscribe';

type ServiceMethods =
  'metrics.read' | 'service.status' | 'service.reload' | 'management.key' | 'service.ping';

function poolHandlers({
  pool,
}: HandlerDeps): Omit<Handlers, AccountingMethods | ServiceMethods | ObjectMethods> {
  return {
    'lease.acquire': (params, session) => pool.acquire(session.id, params),
    'lease.cancel': ({ internalId }, session) => ({
      cancelled: pool.cancel(session.id, internalId),
    }),
    'lease.confirm': ({ leaseId }) => pool.confirm(leaseId),
    'lease.report': ({ leaseId, outcome, ...use }) => pool.report(leaseId, outcome, use),
    'inspection.take': async ({ waitMs }, session) => {
      const lease = await pool.takeKeyCheck(session.id, waitMs);
      return { lease, asksCredits: lease !== null && pool.hasGuessedCreditLimit(lease.keyId) };
    },
    'inspection.report': ({ leaseId, finding, clockOffsetMs }) =>
      pool.reportKeyCheck(leaseId, finding, clockOffsetMs),
    'keys.list': async ({ offset = 0, limit = MAX_LISTED_KEYS } = {}) => ({
      keys: keysThatFit(await pool.list(offset, limit)),
      total: pool.size,
    }),
    'keys.get': ({ keyId }) => pool.get(keyId),
    'keys.whyNot': ({ keyId, model }) => pool.whyNot(keyId, model),
    'keys.disable': ({ keyId, reason }) => pool.command(keyId, disabling(reason)),
    'keys.enable': ({ keyId }) => pool.command(keyId, { kind: 'enable' }),
    'keys.cool': ({ keyId, forMs, reason }) => pool.command(keyId, cooling(forMs, reason)),
    'keys.uncool': ({ keyId }) => pool.command(keyId, { kind: 'uncool' }),
  };
}

function serviceHandlers({
  pool,
  metrics,
  service,
  health,
  reload,
  managementKey,
}: HandlerDeps): Pick<Handlers, ServiceMethods> {
  return {
    'metrics.read': async () => ({ families: await metrics() }),
    'service.status': async () => ({
      ...service,
      ...(await health.look()),
      process: processUse(),
    }),
    'service.reload': async ({ dryRun = false } = {}) => {
      const before = await pool.list();
      return withDraining(await reload(dryRun), before);
    },
    'management.key': () => ({ secret: managementKey()?.reveal() ?? null }),
    'service.ping': () => ({ pong: true }),
  };
}

/** Records finished requests. Unreadable ones are left out. */
function recording({
  accounting: accounting,
  pool,
  owners,
  clock,
  onUnreadable,
}: HandlerDeps): Handlers['requests.record'] {
  const { ledger, traffic } = accounting;
  const batches = new SeenBatches();
  const rememberGeneration = (end: RequestSummary) => {
    const { generationId: id, client } = end;
    const keyId = ledger.keyOf(end);
    if (id === null || client === null || keyId === undefined) return;
    const account = pool.accountOf(keyId) ?? keyId;
    owners.rememberSoon({ kind: 'generation', id, keyId, account, client });
  };
  return ({ batch, requests, unauthorized = 0 }) => {
    if (!batches.isNew(batch)) return { leftOut: 0 };
    const now = clock.now();
    const readable = requests.filter((end) => end !== null);
    for (const end of readable) {
      if (!ledger.record(end, now)) continue;
      traffic.add(end, now);
      rememberGeneration(end);
    }
    traffic.addUnauthorized(unauthorized, now);
    const leftOut = requests.length - readable.length;
    if (leftOut > 0) onUnreadable(leftOut);
    return { leftOut };
  };
}

/** Cuts the limits of keys until the answer fits. */
function keysThatFit(keys: KeyView[]): KeyView[] {
  const count = keys.reduce((sum, { limits }) => sum + limits.length, 0);
  if (count <= MAX_LISTED_KEYS) return keys;
  return fitting(MAX_LIMITS, (most) =>
    keys.map((key) => ({ ...key, limits: key.limits.slice(0, most) })),
  );
}

/** Cuts the oldest spans until the answer fits. */
function lanesThatFit(lanes: Result<'keys.history'>['lanes']): Result<'keys.history'>['lanes'] {
  return fitting(MAX_SPANS, (count) =>
    lanes.map(({ keyId, spans }) => ({
      keyId,
      spans: spans.slice(Math.max(0, spans.length - count)),
    })),
  );
}

function accountingHandlers(parts: HandlerDeps): Pick<Handlers, AccountingMethods> {
  const { pool, accounting: accounting, sharing, clock } = parts;
  const { ledger, usage, traffic, history, events } = accounting;
  return {
    'keys.history': ({ since, limit }) => ({
      lanes: lanesThatFit(history.lanes(pool.keyIds(limit), since, clock.now())),
    }),
    'leases.list': () => ledger.leases(MAX_LISTED_LEASES),
    'requests.record': recording(parts),
    'requests.recent': ({ limit, before, ...filter }) => ledger.recent(limit, filter, before),
    'requests.explain': ({ requestId }) => {
      const request = ledger.get(requestId);
      if (request === null) return { request, story: [] };
      return { request, story: timelineOf(request, ledger.namesakes(request)) };
    },
    'usage.query': ({ since, by, of = 'pool' }) => {
      const shared = of === 'pool' ? sharing : null;
      const rows = usage.query(since, by, shared === null ? 'machine' : 'pool');
      const nameOf = by === 'key' ? (keyId: string) => pool.nameOf(keyId) : (name: string) => name;
      return {
        rows: rows.map((row) => ({ ...row, name: nameOf(row.name) })),
        machines: 1 + (shared === null ? 0 : usage.otherMachines(since)),
        sharedAt: shared?.sharedAt ?? null,
      };
    },
    'traffic.query': ({ since, maxPoints }) => traffic.query(since, clock.now(), maxPoints),
    'events.subscribe': ({ after, waitMs }) => events.after(after, waitMs),
  };
}
