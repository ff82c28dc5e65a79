import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { GatewayConfiguration } from '@openrouter-proxy/config';
import { createApp, type AppDeps, type Endpoints } from './http/app.ts';
import { GatewayError } from './errors/gateway-error.ts';
import { endWithError, type RequestEnd } from './request/request-end.ts';
import type { RequestContext } from './response/request-context.ts';
import type { Cancellation } from './request/cancellation.ts';
import type { BodySpool } from './body/body-spool.ts';
import { blockListOf, clientAddress, isTrustedPeer } from './auth/client-address.ts';
import { createClientAuth } from './auth/client-auth.ts';
import { createForwarder } from './forwarding/forward.ts';
import { refusingRepeats } from './forwarding/repeated-refusals.ts';
import { ownOrigin } from './endpoints/own-origin.ts';
import { answerOwnAccount } from './account/own-account.ts';
import { answerObjectList } from './objects/object-list.ts';
import type { Leases } from './key-service/leases.ts';
import type { ObjectOwners } from './key-service/object-owners.ts';
import type { GatewayMetrics } from './metrics/gateway-metrics.ts';
import { isModelList, ModelsCache } from './models/models-cache.ts';
import type { BodyMemory } from './body/request-body.ts';
import { answerTokenCount, isTokenCount } from './token-count/count-answer.ts';
import type { TokenCounting } from './token-count/token-counting.ts';
import type { Siblings } from './workers/siblings.ts';
import { createUpstreamAgent } from './upstream/upstream-agent.ts';
import { createHttpProxyEngine } from './upstream/http-proxy-engine.ts';
import { fetchFrom } from './upstream/keyless-fetch.ts';
import type { UpstreamEngine } from './upstream/upstream.ts';

/** What every configuration of a gateway shares. */
export interface ActiveConfigurationDeps extends Pick<Endpoints, 'health' | 'metrics'> {
  readonly onFinished: AppDeps['onFinished'];
  readonly leases: Leases;
  readonly owners: ObjectOwners;
  readonly counters: GatewayMetrics;
  readonly siblings: Siblings;
  readonly active: Set<Cancellation>;
  /** The longest silence within a request's body, in milliseconds. */
  readonly bodyTimeoutMs: number;
  readonly memory: BodyMemory;
  readonly spool: BodySpool;
  readonly wrongKeys: AppDeps['wrongKeys'];
  readonly tokenCounting: TokenCounting;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A gateway under one configuration. Requests that began under it end under it. */
export class ActiveConfiguration {
  readonly options: GatewayConfiguration;
  readonly baseUrl: URL;
  readonly engine: UpstreamEngine;
  readonly cache: ModelsCache;
  readonly #agent: ReturnType<typeof createUpstreamAgent>;
  readonly #app: RequestListener;
  #activeRequests = 0;
  #isRetired = false;

  constructor(options: GatewayConfiguration, deps: ActiveConfigurationDeps) {
    this.options = options;
    this.baseUrl = new URL(options.upstream.baseUrl);
    this.#agent = createUpstreamAgent(this.baseUrl, options.upstream.requestProxy);
    this.engine = createHttpProxyEngine(this.baseUrl, this.#agent, options.upstream);
    this.cache = createModelsCache(this, deps);
    const trustedProxies = blockListOf(options.server.trustedProxies);
    this.#app = createApp({
      auth: createClientAuth(options.accessKeys),
      addressOf: ({ socket, headers }) =>
        clientAddress(socket.remoteAddress, headers['x-forwarded-for'], trustedProxies),
      wrongKeys: deps.wrongKeys,
      settings: options,
      endpoints: { api: createApi(this, deps), health: deps.health, metrics: deps.metrics },
      onFinished: deps.onFinished,
    });
  }

  /** Serves a request. */
  serve(request: IncomingMessage, response: ServerResponse): void {
    this.#activeRequests += 1;
    response.once('close', () => {
      this.#activeRequests -= 1;
      this.#endIfIdle();
    });
    this.#app(request, response);
  }

  /** No more requests come. Its upstream connections are closed when the last request has ended. */
  retire(): void {
    this.#isRetired = true;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#isRetired && this.#activeRequests === 0) this.#agent.destroy();
  }
}

/** The configuration in force. */
export class CurrentConfiguration {
  #active: ActiveConfiguration | null = null;

  /** Throws before the first one is set. */
  get active(): ActiveConfiguration {
    if (this.#active === null) throw new Error('the gateway has no configuration yet');
    return this.#active;
  }

  /** Puts another configuration in force. Requests that are being served end under the earlier one. */
  set(next: ActiveConfiguration): void {
    this.#active?.retire();
    this.#active = next;
  }
}

function createModelsCache(
  { options, engine, baseUrl }: ActiveConfiguration,
  { counters, siblings, now }: ActiveConfigurationDeps,
): ModelsCache {
  return new ModelsCache({
    fetch: fetchFrom(engine, baseUrl),
    metrics: counters,
    siblings,
    now,
    settings: options,
  });
}

/** The function that tells under which scheme and host a client sees this gateway. */
function originsOf({ publicUrl, trustedProxies }: GatewayConfiguration['server']) {
  const trusted = blockListOf(trustedProxies);
  return ({ socket, headers }: IncomingMessage): string =>
    ownOrigin({
      publicUrl,
      headers,
      isTrustedProxy: isTrustedPeer(socket.remoteAddress, trusted),
      listensAt: `${socket.localAddress ?? 'localhost'}:${socket.localPort ?? ''}`,
    });
}

/** The function that sends requests upstream, under a lease. */
function forwarderOf(
  { options: settings, engine, baseUrl }: ActiveConfiguration,
  deps: ActiveConfigurationDeps,
): ReturnType<typeof createForwarder> {
  const { leases, owners, counters: metrics, memory, spool, active, bodyTimeoutMs, now } = deps;
  const ownOrigin = originsOf(settings.server);
  const shared = { leases, owners, ownOrigin, metrics, memory, spool, active, bodyTimeoutMs };
  return refusingRepeats(createForwarder({ settings, engine, baseUrl, ...shared }), now);
}

function noManagementKey(): GatewayError {
  const message = 'The management key of this gateway cannot be read at the moment.';
  return new GatewayError('key_service_unavailable', message, { retryAfterMs: 1_000 });
}

/** Requests that the gateway answers by itself; null: the request goes upstream. */
function createOwnAnswers(
  { options, baseUrl, cache, engine }: ActiveConfiguration,
  { memory, bodyTimeoutMs, tokenCounting, leases, owners, now }: ActiveConfigurationDeps,
) {
  const cached = options.cache.enabled || options.rules.freeOnly;
  const estimatesTokens = options.rules.countTokens === 'estimate';
  const countLimits = { maxBytes: options.server.maxBodyBytes, bodyTimeoutMs, memory };
  const listDeps = { engine, baseUrl, leases, owners, forwarding: options.forwarding };
  return (
    context: RequestContext,
    { path, query }: { readonly path: string; readonly query: string },
    upstreamPath: string,
  ): Promise<RequestEnd> | null => {
    const { method, route } = context.identity;
    if (cached && isModelList(method, path)) return cache.answer(context, upstreamPath);
    if (estimatesTokens && isTokenCount(method, path)) {
      return answerTokenCount(context, tokenCounting, countLimits);
    }
    const { class: kind, answeredBy, lists } = route?.endpoint ?? {};
    if (kind === 'account' && answeredBy === 'gateway') {
      return answerOwnAccount(context, leases.kms, now());
    }
    return lists === 'file' || lists === 'batch'
      ? answerObjectList(context, { kind: lists, query }, listDeps)
      : null;
  };
}

/** Serves the API's paths: some answers are the gateway's own, every other request goes upstream. */
function createApi(
  configuration: ActiveConfiguration,
  deps: ActiveConfigurationDeps,
): Endpoints['api'] {
  const basePath = configuration.baseUrl.pathname.replace(/\/$/, '');
  const answerHere = createOwnAnswers(configuration, deps);
  const forward = forwarderOf(configuration, deps);
  return async (context, target, key) => {
    const { query } = target;
    const path = basePath + target.path + query;
    const own = answerHere(context, target, path);
    if (own !== null) return own;
    const isManaged = key === 'management';
    const managementKey = isManaged ? await deps.leases.managementKey() : null;
    if (isManaged && managementKey === null) return endWithError(noManagementKey());
    return forward(context, { path, query, keyless: key !== 'leased', managementKey });
  };
}
