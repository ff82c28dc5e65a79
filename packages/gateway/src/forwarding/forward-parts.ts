import type { BodySpool } from '../request/body-spool.ts';
import type { Leases } from '../key-service/leases.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { BodyMemory } from '../request/request-body.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** What forwarding is decided by. Times in milliseconds. */
export interface ForwardPolicy {
  /** Upstream attempts for one request; null: as many as there are keys. */
  maxAttempts: number | null;
  idleTimeoutMs: number;
  /** The silence after which a client that waits for a JSON document gets white space; 0: never. */
  keepaliveAfterMs: number;
  /** From the request's head to the first content of its answer, attempts included. */
  deadlineMs: number;
  /** The shortest wait before a retry or an answer when a provider is overloaded. */
  googleRateDelayMs: number;
  /** How long a request may wait for a key. */
  queueTimeoutMs: number;
  /** Whether conversations are told apart. */
  affinity: boolean;
  freeOnly: boolean;
  /** Whether what answers used is read. */
  countsTokens: boolean;
  maxBodyBytes: number;
  /** The longest silence within a request's body. */
  bodyTimeoutMs: number;
}

/** What forwarding works with. */
export interface ForwardDeps {
  baseUrl: URL;
  upstream: Upstream;
  leases: Leases;
  memory: BodyMemory;
  spool: BodySpool;
  metrics: GatewayMetrics;
  policy: ForwardPolicy;
  /** The requests under way: aborting one ends it with the reason for its error. */
  underWay: Set<AbortController>;
}

/** Where a request goes: path and query on OpenRouter's API, and whether it needs a key there. */
export interface Destination {
  path: string;
  keyless: boolean;
}
