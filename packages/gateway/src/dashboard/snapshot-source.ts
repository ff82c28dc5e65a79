import {
  RANGES,
  type Explanation,
  type Snapshot,
  type ViewQuery,
} from '@openrouter-proxy/dashboard';
import type { KmsClient, Method, Params, Result } from '@openrouter-proxy/kms-protocol';
import { KmsError } from '@openrouter-proxy/kms-protocol';
import type { HealthSource, KmsStatus } from '../health/health.ts';
import { gatewayName, type Siblings, type WorkerLoad } from '../workers/siblings.ts';
import { MachineLoad, ownUse } from '../metrics/machine-load.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** The rows of each table on the page. */
const KEYS = 200;
const REQUESTS = 10;
const LANES_MS = 6 * HOUR;
/** The most points of a chart: its width shows no more. */
const TRAFFIC_POINTS = 75;
const DAYS = 14;
const USAGE_ROWS = 20;
/** How often usage totals are read: they change slowly. */
const USAGE_EVERY_MS = 5_000;

/** The sources of a snapshot. */
export interface SnapshotDeps {
  readonly kms: KmsClient;
  readonly cache: () => Snapshot['cache'];
  readonly siblings: Siblings;
  /** Whether the machine's load is shown. */
  readonly system: () => boolean;
  readonly health: HealthSource;
  readonly now: () => number;
}

/** The parts of a snapshot that depend on the query. */
type ViewPart = Pick<Snapshot, 'traffic' | 'requests' | 'olderRequests'>;

/** Takes snapshots for the dashboard. */
export class SnapshotSource {
  readonly #deps: SnapshotDeps;
  readonly #load = new MachineLoad();
  /** The health as it was last read: no viewer waits for a key service that hangs. */
  #isKmsThere = true;
  #usage: { at: number; usage: Snapshot['usage'] } | undefined;

  constructor(deps: SnapshotDeps) {
    this.#deps = deps;
  }

  /** A snapshot for one query. */
  async take(query: ViewQuery): Promise<Snapshot> {
    const now = this.#deps.now();
    const [common, view] = await Promise.all([this.#common(now), this.#view(query, now)]);
    return { ...common, ...view };
  }

  /** Snapshots for several queries. Their common parts are read once. */
  async takeAll(queries: readonly ViewQuery[]): Promise<Snapshot[]> {
    const now = this.#deps.now();
    const [common, views] = await Promise.all([
      this.#common(now),
      Promise.all(queries.map((query) => this.#view(query, now))),
    ]);
    return views.map((view) => ({ ...common, ...view }));
  }

  /** The parts that are the same for every query. Parts that the key service does not give are empty. */
  async #common(now: number): Promise<Omit<Snapshot, keyof ViewPart>> {
    const { level, causes, status } = await this.#deps.health.look();
    this.#isKmsThere = status !== null;
    const [keys, history, usage, others] = await Promise.all([
      this.#ask('keys.list', { limit: KEYS }, { keys: [], total: 0 }),
      this.#ask('keys.history', { since: now - LANES_MS, limit: KEYS }, { lanes: [] }),
      this.#usageAt(now),
      this.#deps.siblings.load(),
    ]);
    const own = this.#deps.cache();
    const sum = (of: 'hits' | 'misses') =>
      others.reduce((all, { cache }) => all + cache[of], own[of]);
    return {
      now,
      health: { level, causes },
      status,
      keys: keys.keys,
      keysTotal: keys.total,
      lanes: history.lanes,
      usage,
      cache: { ...own, hits: sum('hits'), misses: sum('misses') },
      system: this.#deps.system() ? this.#systemLoad(status, others, now) : null,
    };
  }

  /** The parts that depend on the query: the range of the charts, and a page of requests. */
  async #view({ range, outcome, before, ...filters }: ViewQuery, now: number): Promise<ViewPart> {
    const since = now - RANGES[range];
    const chosen = Object.fromEntries(
      Object.entries(filters).filter(([, value]) => value !== null),
    );
    const [traffic, recent] = await Promise.all([
      this.#ask(
        'traffic.query',
        { since, maxPoints: TRAFFIC_POINTS },
        { stepMs: 10_000, points: [] },
      ),
      this.#ask(
        'requests.recent',
        {
          ...chosen,
          limit: REQUESTS,
          ...(outcome === null ? {} : { outcomes: [outcome] }),
          ...(before === null ? {} : { before }),
        },
        { requests: [], next: null },
      ),
    ]);
    return {
      traffic: { since, ...traffic },
      requests: recent.requests,
      olderRequests: recent.next,
    };
  }

  /** The timeline of a request. */
  async explain(requestId: string): Promise<Explanation> {
    const isPossible = requestId.length > 0 && requestId.length <= 128;
    const nothing = { request: null, story: [] };
    if (!isPossible) return { requestId, ...nothing, isAnswered: true };
    const found = await this.#ask('requests.explain', { requestId }, null);
    return { requestId, ...(found ?? nothing), isAnswered: found !== null };
  }

  #systemLoad(status: KmsStatus, others: readonly WorkerLoad[], now: number): Snapshot['system'] {
    const kms = status === null ? [] : [{ name: 'key service', ...status.process }];
    const gateways = [ownUse(gatewayName(this.#deps.siblings)), ...others.map(({ use }) => use)];
    return this.#load.read([...gateways.sort((a, b) => (a.name < b.name ? -1 : 1)), ...kms], now);
  }

  async #usageAt(now: number): Promise<Snapshot['usage']> {
    const known = this.#usage;
    if (known !== undefined && Math.abs(now - known.at) < USAGE_EVERY_MS) return known.usage;
    const nothing = { rows: [], machines: 1, sharedAt: null };
    const ask = (by: Params<'usage.query'>['by'], since: number) =>
      this.#ask('usage.query', { since, by }, nothing);
    const [models, clients, days] = await Promise.all([
      ask('model', now),
      ask('client', now),
      ask('day', now - (DAYS - 1) * DAY),
    ]);
    const first = ({ rows }: Result<'usage.query'>) => rows.slice(0, USAGE_ROWS);
    const usage = {
      ...{ models: first(models), clients: first(clients), days: first(days) },
      machines: days.machines,
    };
    this.#usage = { at: now, usage };
    return usage;
  }

  async #ask<M extends Exclude<Method, 'session.hello'>, Otherwise>(
    method: M,
    params: Params<M>,
    otherwise: Otherwise,
  ): Promise<Result<M> | Otherwise> {
    if (!this.#isKmsThere) return otherwise;
    try {
      return await this.#deps.kms.call(method, params);
    } catch (error) {
      if (KmsError.is(error, 'UNAVAILABLE')) return otherwise;
      throw error;
    }
  }
}
