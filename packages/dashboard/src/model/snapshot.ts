import type {
  HealthCause,
  HealthLevel,
  KeyLane,
  KeyView,
  MetricFamily,
  RequestView,
  Result,
  TrafficPoint,
  UsageRow,
} from '@openrouter-proxy/kms-protocol';
import type { ViewQuery } from './view-query.ts';

/** A process of the product, with its CPU and memory use. */
export interface ProcessLoad {
  readonly name: string;
  /** Share of one core since the previous sample; null: not known yet. */
  readonly cpu: number | null;
  readonly residentBytes: number;
}

/** The machine's CPU and memory. */
export interface SystemLoad {
  /** Share of all cores since the previous sample; null: not known yet. */
  readonly cpu: number | null;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly processes: readonly ProcessLoad[];
}

/** The `/models` cache. */
export interface CacheState {
  readonly enabled: boolean;
  /** Null: empty. */
  readonly ageSeconds: number | null;
  readonly ttlSeconds: number;
  readonly hits: number;
  readonly misses: number;
}

/** All live data of the page at `now` (milliseconds since the epoch). It holds no secret. */
export interface Snapshot {
  readonly now: number;
  /** The health, with its causes. */
  readonly health: {
    readonly level: HealthLevel;
    readonly causes: readonly HealthCause[];
  };
  /** Null: the key service does not answer; then the lists below are empty. */
  readonly status: Result<'service.status'> | null;
  /** The first keys of the configuration. */
  readonly keys: readonly KeyView[];
  /** How many there are. */
  readonly keysTotal: number;
  readonly lanes: readonly KeyLane[];
  /** Of the chosen range, from the first step with traffic to the running one. */
  readonly traffic: {
    readonly since: number;
    readonly stepMs: number;
    readonly points: readonly TrafficPoint[];
  };
  /** A page of those that the filters let through, the latest first. */
  readonly requests: readonly RequestView[];
  /** The `before` of the next page; null: there is none. */
  readonly olderRequests: number | null;
  /** Of this UTC day, by model and by client; and of the last days. */
  readonly usage: {
    readonly models: readonly UsageRow[];
    readonly clients: readonly UsageRow[];
    readonly days: readonly UsageRow[];
    /** How many machines it is of: those that share the pool. */
    readonly machines: number;
  };
  readonly cache: CacheState;
  /** Null: not wanted (`server.enable_system_metrics`). */
  readonly system: SystemLoad | null;
}

/** A request that was looked up by its id. */
export interface Explanation {
  readonly requestId: string;
  /** In words; empty: it is not remembered. */
  readonly story: readonly string[];
  readonly request: RequestView | null;
  /** Whether the key service answered; if not, nothing is known of the request yet. */
  readonly isAnswered: boolean;
}

/** The data of the first render. */
export interface PageData {
  /** What the page's address asks for. */
  readonly query: ViewQuery;
  /** The gateway's own origin, as the browser named it: `http://127.0.0.1:5555`. */
  readonly origin: string;
  readonly snapshot: Snapshot;
  readonly metrics: readonly MetricFamily[];
  readonly explanation: Explanation | null;
}
