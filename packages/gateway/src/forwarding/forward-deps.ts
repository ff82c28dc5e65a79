import type { IncomingMessage } from 'node:http';
import type { GatewayConfiguration } from '@openrouter-proxy/config';
import type { Leases } from '../key-service/leases.ts';
import type { ObjectOwners } from '../key-service/object-owners.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { BodySpool } from '../body/body-spool.ts';
import type { Cancellation } from '../request/cancellation.ts';
import type { BodyMemory } from '../body/request-body.ts';
import type { UpstreamEngine } from '../upstream/upstream.ts';

/** The settings that forwarding depends on. */
export interface ForwardSettings {
  readonly server: Pick<GatewayConfiguration['server'], 'maxBodyBytes'>;
  readonly forwarding: GatewayConfiguration['forwarding'];
  readonly rules: Pick<GatewayConfiguration['rules'], 'affinity' | 'freeOnly' | 'presets'>;
  readonly metrics: Pick<GatewayConfiguration['metrics'], 'tokens'>;
}

/** What forwarding works with. */
export interface ForwardDeps {
  readonly settings: ForwardSettings;
  readonly engine: UpstreamEngine;
  readonly baseUrl: URL;
  readonly leases: Leases;
  readonly owners: ObjectOwners;
  /** The gateway's own scheme and host as the client of a request sees them. */
  readonly ownOrigin: (request: IncomingMessage) => string;
  readonly memory: BodyMemory;
  readonly spool: BodySpool;
  readonly metrics: GatewayMetrics;
  /** The longest silence within a request's body, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** The requests that are being served. */
  readonly active: Set<Cancellation>;
}

/** Where a request goes. */
export interface Destination {
  /** Path and query on OpenRouter's API. */
  readonly path: string;
  /** With its question mark; empty if there is none. */
  readonly query: string;
  /** Whether it is sent without a leased key. */
  readonly keyless: boolean;
  /** The key for administration that it is sent under; null: under a leased key, or none. */
  readonly managementKey: string | null;
}
