import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, Outcome } from '@openrouter-proxy/kms-protocol';
import { isUnsent, usedBy, type AttemptResult } from '../outcome/attempt-result.ts';
import { attempt, type AttemptDeps } from './attempt.ts';
import { Keepalive } from '../answer/keepalive.ts';
import { CLIENT_GONE, type Exchange } from '../http/exchange.ts';
import { NO_HISTORY, nextStep, stepWithoutKey, withAttempt } from './failover.ts';
import { errorInsteadOf } from '../outcome/key-refusal.ts';
import type { Destination, ForwardDeps } from './forward-parts.ts';
import type { Acquired, LeaseUse } from '../key-service/leases.ts';
import { concernsAccount, refusesAccount, refusesKey } from '../outcome/outcome.ts';
import { RequestBody } from '../request/request-body.ts';
import { attributed, mayConcernExtras } from '../request/request-extras.ts';
import {
  leasePurpose,
  readConversation,
  readersFor,
  readMembers,
  readModel,
  refusePaidModel,
} from './request-reading.ts';
import { canHelp, deadlinePassed, failureAnswer } from '../upstream/upstream-failure.ts';

/** Creates the function that takes a request upstream, in one attempt after another until one serves it. */
export function createForwarder(parts: ForwardDeps) {
  return async (exchange: Exchange, destination: Destination): Promise<void> => {
    const forwarding = new Forwarding(parts, exchange, destination);
    try {
      await forwarding.run();
    } finally {
      forwarding.end();
    }
  };
}

/** One request on its way upstream: its body, its deadline, what it has been through. */
class Forwarding {
  readonly #parts: ForwardDeps;
  readonly #exchange: Exchange;
  readonly #keyless: boolean;
  readonly #body: RequestBody;
  readonly #attempt: AttemptDeps;
  readonly #stop = new AbortController();
  readonly #deadline: NodeJS.Timeout;
  readonly #tried: string[] = [];
  /** Keys whose account refused this request, and the first of these refusals. */
  readonly #refusing: string[] = [];
  #firstRefusal: AttemptResult | undefined;
  #affinity: string | null = null;
  #history = NO_HISTORY;

  constructor(parts: ForwardDeps, exchange: Exchange, { path, keyless }: Destination) {
    this.#parts = parts;
    this.#exchange = exchange;
    this.#keyless = keyless;
    const { maxBodyBytes, bodyTimeoutMs, deadlineMs, idleTimeoutMs, countsTokens } = parts.policy;
    const { signal } = this.#stop;
    this.#body = new RequestBody(exchange.request, {
      memory: parts.memory,
      spool: parts.spool,
      keep: !keyless, // what anybody may send takes no room from those who have a key
      maxBytes: maxBodyBytes,
      members: readersFor(parts.policy),
      silenceMs: bodyTimeoutMs,
      refuse: (error) => this.#stop.abort(error),
      signal,
    });
    const { upstream, baseUrl } = parts;
    const body = this.#body;
    const wantsStream = () => this.#wantsStream;
    const keepalive = new Keepalive(exchange, parts.policy.keepaliveAfterMs, wantsStream);
    const limits = { idleTimeoutMs, countsTokens, signal, keepalive };
    this.#attempt = { exchange, upstream, baseUrl, path, body, ...limits };
    parts.underWay.add(this.#stop);
    this.#deadline = setTimeout(() => this.#stop.abort(deadlinePassed(deadlineMs)), deadlineMs);
    exchange.response.once('close', () => {
      if (!exchange.response.writableFinished) this.#stop.abort(CLIENT_GONE);
    });
  }

  async run(): Promise<void> {
    await this.#readRequest();
    let last: AttemptResult | undefined;
    for (;;) {
      const lease = this.#keyless ? null : await this.#lease(last);
      if (lease === undefined) return;
      last = await this.#makeAttempt(lease);
      if (last.kind === 'answered') return;
      if (this.#stop.signal.reason === CLIENT_GONE) {
        this.#exchange.verdict = 'client_abort';
        return;
      }
      if (!(await this.#mayRepeat(last, lease))) return;
    }
  }

  end(): void {
    clearTimeout(this.#deadline);
    this.#attempt.keepalive.stop();
    this.#parts.underWay.delete(this.#stop);
    this.#body.release();
  }

  get #limits() {
    const { maxAttempts, googleRateDelayMs, deadlineMs } = this.#parts.policy;
    const remainingMs = deadlineMs - this.#exchange.elapsedMs;
    return { maxAttempts, remainingMs, providerDelayMs: googleRateDelayMs };
  }

  /** Reads what may refuse the request, and what the choice of a key depends on. */
  async #readRequest(): Promise<void> {
    const { freeOnly, affinity } = this.#parts.policy;
    const exchange = this.#exchange;
    if (freeOnly) await refusePaidModel(exchange, this.#body);
    if (this.#keyless) return;
    await readModel(exchange, this.#body);
    if (affinity) this.#affinity = await readConversation(exchange, this.#body);
  }

  /** A lease for the next attempt, after `last` if there was one; undefined: the client has been answered. */
  async #lease(last: AttemptResult | undefined): Promise<Lease | undefined> {
    for (;;) {
      const acquired = await this.#acquire();
      if (acquired.kind === 'lease') return acquired.lease;
      if (last === undefined) throw acquired.error;
      if (!(await this.#mayAskAgain(last, acquired))) return undefined;
    }
  }

  async #acquire(): Promise<Acquired> {
    const exchange = this.#exchange;
    const { leases, policy, metrics } = this.#parts;
    const startedAt = performance.now();
    const waitMs = Math.floor(
      Math.max(0, Math.min(policy.queueTimeoutMs, this.#limits.remainingMs)),
    );
    if (waitMs > 0) this.#attempt.keepalive.waitsFor('a key');
    const request = {
      ...{ requestId: exchange.id, internalId: exchange.internalId },
      ...leasePurpose(exchange, this.#attempt.path),
      client: exchange.client,
      exclude: this.#tried,
      excludeAccountsOf: this.#refusing,
      affinity: this.#affinity,
      waitMs,
      patienceMs: this.#limits.remainingMs,
    };
    try {
      const acquired = await leases.acquire(request, this.#stop.signal);
      if (acquired.kind === 'lease') {
        exchange.keyName = acquired.lease.keyName;
        exchange.queuedMs += acquired.lease.queuedMs;
        metrics.leased(performance.now() - startedAt);
      }
      return acquired;
    } finally {
      this.#attempt.keepalive.waitsFor(this.#history.attempts === 0 ? null : 'another attempt');
      exchange.leaseMs += performance.now() - startedAt;
    }
  }

  get #wantsStream(): boolean {
    const { api } = this.#exchange;
    return api !== null && api !== 'other' && this.#body.member('stream') === true;
  }

  /** One attempt. However it ends, the key service is told. */
  async #makeAttempt(lease: Lease | null): Promise<AttemptResult> {
    const { leases, metrics } = this.#parts;
    const startedAt = performance.now();
    const exchange = this.#exchange;
    let outcome: Outcome = { kind: 'unused' };
    let use: LeaseUse = { isUnsent: true };
    try {
      const made = await attempt(this.#attempt, lease, () => {
        clearTimeout(this.#deadline); // from here on it is the silences that are bounded
        this.#attempt.keepalive.stop();
        exchange.firstContentMs = exchange.elapsedMs;
        if (lease?.probe === true) leases.confirm(lease);
      });
      const end = await this.#attributed(made);
      outcome = end.outcome;
      const usage = this.#parts.policy.countsTokens ? usedBy(end, exchange.api) : undefined;
      use = { usage, isUnsent: isUnsent(end) };
      exchange.usage = usage ?? null;
      exchange.isUsageUnknown ||= usage === null;
      this.#history = withAttempt(this.#history, outcome);
      return end;
    } finally {
      if (lease !== null) {
        leases.report(lease, outcome, use);
        metrics.returned(performance.now() - startedAt);
      }
      metrics.attempt(outcome.kind);
    }
  }

  /** A refusal as what it is about: what the request adds to its model may be the reason. */
  async #attributed(end: AttemptResult): Promise<AttemptResult> {
    const { model } = this.#exchange;
    if (end.kind !== 'refused' || !mayConcernExtras(end.outcome, model)) return end;
    return { ...end, outcome: attributed(end.outcome, model, await readMembers(this.#body)) };
  }

  /** Whether another attempt is to follow one that brought no answer; if none is, the client has been answered. */
  async #mayRepeat(last: AttemptResult, lease: Lease | null): Promise<boolean> {
    const step = nextStep(last.outcome, this.#history, this.#limits);
    const isOver =
      (last.kind === 'failed' && !canHelp(last.failure, this.#exchange)) ||
      this.#stop.signal.aborted ||
      !this.#body.repeatable;
    const needsLease = step.kind === 'other-key' || step.kind === 'other-account';
    if (isOver || step.kind === 'answer' || (needsLease && lease === null)) {
      await this.#answer(last);
      return false;
    }
    this.#attempt.keepalive.waitsFor('another attempt');
    if (step.kind === 'again') await this.#wait(step.afterMs);
    else if (lease !== null) this.#noteRefused(last, lease);
    return true;
  }

  /** Another key is to be tried: no more this one, and none of its account if that is what refused. */
  #noteRefused(last: AttemptResult, { keyId }: Lease): void {
    this.#tried.push(keyId);
    if (concernsAccount(last.outcome)) this.#refusing.push(keyId);
    if (refusesAccount(last.outcome)) this.#firstRefusal ??= last;
  }

  /** After a wait for a limit to end, the key that had it is the one to try. */
  #forgetRefused(): void {
    this.#tried.length = 0;
    this.#refusing.length = 0;
  }

  /** The same after no key was to be had. */
  async #mayAskAgain(
    last: AttemptResult,
    none: Extract<Acquired, { kind: 'none' }>,
  ): Promise<boolean> {
    const { outcome } = this.#decisive(last);
    const step = stepWithoutKey(outcome, none, this.#history, this.#limits);
    if (step.kind === 'again') {
      this.#history = { ...this.#history, modelWaits: this.#history.modelWaits + 1 };
      await this.#wait(step.afterMs);
      this.#forgetRefused();
      return true;
    }
    if (step.kind === 'refuse') throw none.error;
    await this.#answer(last);
    return false;
  }

  async #wait(ms: number): Promise<void> {
    const { signal } = this.#stop;
    await sleep(ms, undefined, { signal }).catch(() => {
      throw signal.reason;
    });
  }

  /** The attempt that tells a client most: where accounts refused the request, the first of these refusals. */
  #decisive(last: AttemptResult): AttemptResult {
    return refusesKey(last.outcome) ? (this.#firstRefusal ?? last) : last;
  }

  async #answer(last: AttemptResult): Promise<void> {
    const end = this.#decisive(last);
    if (end.kind === 'failed') {
      throw this.#stop.signal.aborted ? this.#stop.signal.reason : failureAnswer(end.failure);
    }
    if (end.kind !== 'refused') return;
    const ownError = errorInsteadOf(end.outcome, this.#keyless);
    if (ownError !== undefined) throw ownError;
    if (end.outcome.kind === 'provider_limited') {
      await this.#wait(this.#parts.policy.googleRateDelayMs);
    }
    end.held.answer(this.#exchange);
  }
}
