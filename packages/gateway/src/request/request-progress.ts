import type { Api, Usage } from '@openrouter-proxy/kms-protocol';
import type { Route } from '../endpoints/match-endpoint.ts';
import type { GatewayError } from '../errors/gateway-error.ts';

/** What the head of a request says. */
export interface RequestIdentity {
  /** The client's name for the request, which the answer repeats; other requests may have the same. */
  readonly id: string;
  /** The gateway's name for the request. No other request has it. */
  readonly internalId: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Null for the gateway's own pages. */
  readonly api: Api | null;
  /** The endpoint and its rules; null for the gateway's own pages. */
  readonly route: Route | null;
  /** The client's IP address; null if the connection was gone before it was read. */
  readonly address: string | null;
}

/** What is known of a request beyond its head. Times in milliseconds. */
export interface Progress {
  /** Name of the access key; null: none was sent, or a wrong one. */
  readonly client: string | null;
  /** The model that the request names; null while it is not known. */
  readonly model: string | null;
  /** Upstream attempts, the current one included. */
  readonly attempts: number;
  /** Name of the key that was leased last. */
  readonly keyName: string | null;
  /** Time spent on leases, `queuedMs` included. */
  readonly leaseMs: number;
  /** Time in which no key was available. */
  readonly queuedMs: number;
  /** Time from sending an upstream request to the head of its response, over all attempts. */
  readonly upstreamMs: number;
  /** From the request's head to the first content of the answer. */
  readonly firstContentMs: number | null;
  /** What the answer used; null: nothing, or it is unknown. */
  readonly usage: Usage | null;
  /** Whether an attempt may have used something that the upstream did not report. */
  readonly isUsageUnknown: boolean;
  /** OpenRouter's name for what it generated. */
  readonly generationId: string | null;
  /** The gateway's own error that the client got. */
  readonly failure: GatewayError | null;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Collects what becomes known of a request while it is served. */
export class RequestProgress {
  readonly startedAt = performance.now();
  readonly #known: Mutable<Progress> = {
    client: null,
    model: null,
    attempts: 0,
    keyName: null,
    leaseMs: 0,
    queuedMs: 0,
    upstreamMs: 0,
    firstContentMs: null,
    usage: null,
    isUsageUnknown: false,
    generationId: null,
    failure: null,
  };

  /** What is known so far. */
  get known(): Progress {
    return this.#known;
  }

  /** Milliseconds since the request's head was read. */
  get elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  authenticated(client: string | null): void {
    this.#known.client = client;
  }

  modelNamed(model: string | null): void {
    this.#known.model = model;
  }

  attemptStarted(): void {
    this.#known.attempts += 1;
  }

  /** A key was leased, after `queuedMs` in which none was available. */
  leased(lease: { readonly keyName: string; readonly queuedMs: number }): void {
    this.#known.keyName = lease.keyName;
    this.#known.queuedMs += lease.queuedMs;
  }

  /** The key service was asked for a key, with or without success. */
  leaseAsked(ms: number): void {
    this.#known.leaseMs += ms;
  }

  /** An upstream request got its response's head, or failed. */
  upstreamWaited(ms: number): void {
    this.#known.upstreamMs += ms;
  }

  responseNamed(generationId: string | null): void {
    this.#known.generationId = generationId;
  }

  contentBegan(): void {
    this.#known.firstContentMs = this.elapsedMs;
  }

  /** What an attempt used. Null: it is unknown; undefined: nothing, or it is not counted. */
  attemptUsed(usage: Usage | null | undefined): void {
    this.#known.usage = usage ?? null;
    this.#known.isUsageUnknown ||= usage === null;
  }

  failed(failure: GatewayError): void {
    this.#known.failure = failure;
  }
}
