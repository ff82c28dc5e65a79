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
/** What the page shows of each. */
const KEYS = 200;
const REQUESTS = 10;
const LANES_MS = 6 * HOUR;
/** More points than this a chart of that width would not show. */
const TRAFFIC_POINTS = 75;
const DAYS = 14;
const USAGE_ROWS = 20;
/** Totals of use are read this often: they move slowly. */
const USAGE_EVERY_MS = 5_000;

/** What a snapshot is taken of. */
export interface SnapshotDeps {
  readonly kms: KmsClient;
  readonly cache: () => Snapshot['cache'];
  readonly siblings: Siblings;
  /** Whether the machine's load is shown. */
  readonly system: () => boolean;
  readonly health: HealthSource;
  readonly now: () => number;
}

/** What of a snapshot a query chooses. */
type ViewPart = Pick<Snapshot, 'traffic' | 'requests' | 'olderRequests'>;

/** Takes snapshots of everything that moves, for people to look at. */
export class SnapshotSource {
  readonly #parts: SnapshotDeps;
  readonly #load = new MachineLoad();
  /** As the last look at the health found it: nobody waits for a key service that hangs. */
  #isKmsThere = true;
  #usage: { at: number; usage: Snapshot['usage'] } | undefined;

  constructor(parts: SnapshotDeps) {
    this.#parts = parts;
  }

  /** How everything stands now, for one query. */
  async take(query: ViewQuery): Promise<Snapshot> {
    const now = this.#parts.now();
    const [common, view] = await Promise.all([this.#common(now), this.#view(query, now)]);
    return { ...common, ...view };
  }

  /** How everything stands now, for several queries: what they have in common is asked for once. */
  async takeAll(queries: readonly ViewQuery[]): Promise<Snapshot[]> {
    const now = this.#parts.now();
    const [common, views] = await Promise.all([
      this.#common(now),
      Promise.all(queries.map((query) => this.#view(query, now))),
    ]);
    return views.map((view) => ({ ...common, ...view }));
  }

  /** What every query shows. What the key service does not tell is empty. */
  async #common(now: number): Promise<Omit<Snapshot, keyof ViewPart>> {
    const { level, causes, status } = await this.#parts.health.look();
    this.#isKmsThere = status !== null;
    const [keys, history, usage, others] = await Promise.all([
      this.#ask('keys.list', { limit: KEYS }, { keys: [], total: 0 }),
      this.#ask('keys.history', { since: now - LANES_MS, limit: KEYS }, { lanes: [] }),
      this.#usageAt(now),
      this.#parts.siblings.load(),
    ]);
    const own = this.#parts.cache();
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
      system: this.#parts.system() ? this.#systemLoad(status, others, now) : null,
    };
  }

  /** What a query chooses: the range of the charts, and a page of requests. */
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

  /** What became of a request. */
  async explain(requestId: string): Promise<Explanation> {
    const isPossible = requestId.length > 0 && requestId.length <= 128;
    const nothing = { request: null, story: [] };
    if (!isPossible) return { requestId, ...nothing, isAnswered: true };
    const found = await this.#ask('requests.explain', { requestId }, null);
    return { requestId, ...(found ?? nothing), isAnswered: found !== null };
  }

  #systemLoad(status: KmsStatus, others: readonly WorkerLoad[], now: number): Snapshot['system'] {
    const kms = status === null ? [] : [{ name: 'key service', ...status.process }];
    const gateways = [ownUse(gatewayName(this.#parts.siblings)), ...others.map(({ use }) => use)];
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
      return await this.#parts.kms.call(method, params);
    } catch (error) {
      if (KmsError.is(error, 'UNAVAILABLE')) return otherwise;
      throw error;
    }
  }
}
