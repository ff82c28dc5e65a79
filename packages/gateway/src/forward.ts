import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, Outcome } from '@openrouter-proxy/kms-protocol';
import { CLIENT_GONE, type Exchange } from './exchange.ts';
import { paidModel } from './free-models.ts';
import { GatewayError } from './gateway-error.ts';
import type { Leases } from './leases.ts';
import type { GatewayMetrics } from './metrics.ts';
import { refusesKey } from './outcome.ts';
import { readRefusal, type RefusedResponse } from './refused-response.ts';
import { relay } from './relay.ts';
import { RequestBody, type BodyMemory } from './request-body.ts';
import { upstreamRequestHeaders } from './request-headers.ts';
import { failureAnswer, failureOutcome, UpstreamFailure } from './upstream-failure.ts';
import type { Upstream } from './upstream.ts';

/** What forwarding is decided by. */
export interface ForwardPolicy {
  /** Upstream attempts for one request; null: as many as there are keys. */
  maxAttempts: number | null;
  idleTimeoutMs: number;
  /** From the request's head to the head of its answer, attempts included. */
  deadlineMs: number;
  /** How long an answer about an overloaded provider is held back. */
  providerRetryDelayMs: number;
  freeOnly: boolean;
  maxBodyBytes: number;
  /** The longest silence within a request's body. */
  bodyTimeoutMs: number;
}

/** What forwarding works with. */
export interface ForwardParts {
  baseUrl: URL;
  upstream: Upstream;
  leases: Leases;
  memory: BodyMemory;
  metrics: GatewayMetrics;
  policy: ForwardPolicy;
}

/** Where a request goes: path and query on OpenRouter's API, and whether it needs a key there. */
export interface Destination {
  path: string;
  keyless: boolean;
}

/** How an attempt ended: with an answer on its way to the client, or with one that is held back still. */
type AttemptEnd =
  | { kind: 'relayed'; outcome: Outcome }
  | { kind: 'refused'; outcome: Outcome; refusal: RefusedResponse }
  | { kind: 'failed'; outcome: Outcome; failure: UpstreamFailure };

/** Creates the function that takes a request upstream, under one key after another until one serves it. */
export function createForwarder(parts: ForwardParts) {
  return async (exchange: Exchange, destination: Destination): Promise<void> => {
    const forwarding = new Forwarding(parts, exchange, destination);
    try {
      await forwarding.run();
    } finally {
      forwarding.end();
    }
  };
}

/** One request on its way upstream: its body, its deadline, the keys it has tried. */
class Forwarding {
  readonly #parts: ForwardParts;
  readonly #exchange: Exchange;
  readonly #destination: Destination;
  readonly #body: RequestBody;
  readonly #stop = new AbortController();
  readonly #deadline: NodeJS.Timeout;
  readonly #tried: string[] = [];
  #repeatedUnsent = false;

  constructor(parts: ForwardParts, exchange: Exchange, destination: Destination) {
    this.#parts = parts;
    this.#exchange = exchange;
    this.#destination = destination;
    const { maxBodyBytes, bodyTimeoutMs, deadlineMs } = parts.policy;
    this.#body = new RequestBody(exchange.request, {
      memory: parts.memory,
      maxBytes: maxBodyBytes,
      silenceMs: bodyTimeoutMs,
      refuse: (error) => this.#stop.abort(error),
    });
    this.#deadline = setTimeout(() => this.#stop.abort(deadlinePassed(deadlineMs)), deadlineMs);
    exchange.response.once('close', () => {
      if (!exchange.response.writableFinished) this.#stop.abort(CLIENT_GONE);
    });
  }

  async run(): Promise<void> {
    if (this.#parts.policy.freeOnly) await this.#refusePaidModel();
    for (;;) {
      const end = this.#destination.keyless
        ? await this.#attempt(null)
        : await this.#leasedAttempt();
      this.#parts.metrics.attempt(end.outcome.kind);
      if (this.#clientIsServed(end)) return;
      if (!this.#mayRepeat(end)) {
        await this.#answer(end);
        return;
      }
    }
  }

  end(): void {
    clearTimeout(this.#deadline);
    this.#body.release();
  }

  async #refusePaidModel(): Promise<void> {
    if (this.#exchange.request.method !== 'POST') return;
    const body = await this.#body.text(this.#stop.signal);
    if (body === null) {
      throw new GatewayError(
        'body_too_large',
        'This gateway serves free models only (openrouter.free_only), and the body is too large to be checked for its model.',
      );
    }
    const model = paidModel(body);
    if (model === null) return;
    throw new GatewayError(
      'paid_model',
      `This gateway serves free models only (openrouter.free_only): ${model} is not one of them.`,
    );
  }

  /** An attempt under a key. However it ends, the key service is told. */
  async #leasedAttempt(): Promise<AttemptEnd> {
    const lease = await this.#lease();
    let outcome: Outcome = { kind: 'unused' };
    try {
      const end = await this.#attempt(lease);
      outcome = end.outcome;
      // A connection that failed says nothing about the key.
      if (end.kind !== 'failed') this.#tried.push(lease.keyId);
      return end;
    } finally {
      this.#parts.leases.report(lease, outcome);
    }
  }

  async #lease(): Promise<Lease> {
    const exchange = this.#exchange;
    const startedAt = performance.now();
    try {
      const lease = await this.#parts.leases.acquire(
        {
          requestId: exchange.id,
          model: null,
          api: exchange.api ?? 'other',
          client: exchange.client,
          exclude: this.#tried,
        },
        this.#stop.signal,
      );
      exchange.keyName = lease.keyName;
      return lease;
    } catch (error) {
      throw this.#stop.signal.aborted ? this.#stop.signal.reason : error;
    } finally {
      exchange.leaseMs += performance.now() - startedAt;
    }
  }

  async #attempt(lease: Lease | null): Promise<AttemptEnd> {
    const { baseUrl, upstream, policy } = this.#parts;
    const exchange = this.#exchange;
    const { signal } = this.#stop;
    const secret = lease?.secret ?? null;
    exchange.attempts += 1;
    const startedAt = performance.now();
    try {
      const response = await upstream
        .send({
          method: exchange.request.method ?? 'GET',
          path: this.#destination.path,
          headers: upstreamRequestHeaders(exchange.request.headers, {
            host: baseUrl.host,
            requestId: exchange.id,
            secret,
          }),
          body: this.#body,
          signal,
        })
        .finally(() => (exchange.upstreamMs += performance.now() - startedAt));
      const { idleTimeoutMs } = policy;
      if ((response.statusCode ?? 0) < 400) {
        clearTimeout(this.#deadline); // from here on it is the silences that are bounded
        const outcome = await relay(response, exchange, { secret, idleTimeoutMs, signal });
        return { kind: 'relayed', outcome };
      }
      const options = { secret, timeoutMs: idleTimeoutMs, signal };
      const refusal = await readRefusal(response, options);
      return { kind: 'refused', outcome: refusal.outcome, refusal };
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      return { kind: 'failed', outcome: failureOutcome(error), failure: error };
    }
  }

  #clientIsServed(end: AttemptEnd): boolean {
    return end.kind === 'relayed' || this.#stop.signal.reason === CLIENT_GONE;
  }

  /** Nothing has reached the client: another attempt is made when it can help and cannot be paid for twice. */
  #mayRepeat(end: AttemptEnd): boolean {
    const { maxAttempts } = this.#parts.policy;
    if (this.#stop.signal.aborted || !this.#body.repeatable) return false;
    if (maxAttempts !== null && this.#exchange.attempts >= maxAttempts) return false;
    if (end.kind === 'refused') return !this.#destination.keyless && refusesKey(end.outcome);
    if (end.kind !== 'failed' || !end.failure.beforeWork || this.#repeatedUnsent) return false;
    this.#repeatedUnsent = true;
    return true;
  }

  async #answer(end: AttemptEnd): Promise<void> {
    if (end.kind === 'failed') {
      throw this.#stop.signal.aborted ? this.#stop.signal.reason : failureAnswer(end.failure);
    }
    if (end.kind !== 'refused') return;
    if (end.outcome.kind === 'provider_limited') {
      await sleep(this.#parts.policy.providerRetryDelayMs, undefined, this.#stop).catch(
        () => undefined,
      );
    }
    end.refusal.answer(this.#exchange);
  }
}

function deadlinePassed(ms: number): GatewayError {
  return new GatewayError('upstream_timeout', `No key brought an answer within ${ms} ms.`);
}
