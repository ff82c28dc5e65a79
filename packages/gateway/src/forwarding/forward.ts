import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease } from '@openrouter-proxy/kms-protocol';
import { isUnsent, usedBy, type AttemptResult, type Unanswered } from '../answer/attempt-result.ts';
import { Keepalive } from '../answer/keepalive.ts';
import type { RequestContext } from '../response/request-context.ts';
import type { Acquired } from '../key-service/leases.ts';
import { concernsAccount, refusesAccount, refusesKey } from '../outcome/outcome.ts';
import { Cancellation } from '../request/cancellation.ts';
import { RequestBody } from '../body/request-body.ts';
import {
  CLIENT_GONE,
  endWithError,
  type RequestEnd,
  type StopReason,
} from '../request/request-end.ts';
import { attributed, mayConcernExtras } from '../body/request-extras.ts';
import { deadlinePassed } from '../upstream/upstream-failure.ts';
import { attempt, type AttemptDeps } from './attempt.ts';
import type { AccountChoice } from './account-choice.ts';
import { acquireLease } from './acquire-lease.ts';
import { conclude } from './conclusion.ts';
import { RequestObjects } from './request-objects.ts';
import { exclude, NO_EXCLUSIONS } from './exclusions.ts';
import { NO_HISTORY, stepAfter, stepWithoutKey, withAttempt } from './failover.ts';
import type { Destination, ForwardDeps } from './forward-deps.ts';
import {
  asksForStream,
  readConversation,
  readersFor,
  readMembers,
  readModel,
  refusePaidModel,
} from './request-reading.ts';

type NoKey = Extract<Acquired, { kind: 'none' }>;

/** Creates the function that sends a request upstream, in one attempt after another until one is answered. */
export function createForwarder(deps: ForwardDeps) {
  return async (context: RequestContext, destination: Destination): Promise<RequestEnd> => {
    const forwarding = new Forwarding(deps, context, destination);
    try {
      return await forwarding.run();
    } finally {
      forwarding.end();
    }
  };
}

/** One request on its way upstream. Failures travel as values: nothing here throws. */
class Forwarding {
  readonly #deps: ForwardDeps;
  readonly #context: RequestContext;
  readonly #keyless: boolean;
  readonly #body: RequestBody;
  readonly #attemptDeps: AttemptDeps;
  readonly #cancellation = new Cancellation();
  readonly #keepalive: Keepalive;
  readonly #deadline: NodeJS.Timeout;
  /** The first refusal by an account of this request alone. */
  #firstRefusal: Unanswered | null = null;
  #exclusions = NO_EXCLUSIONS;
  #history = NO_HISTORY;
  #affinity: string | null = null;
  #accounts: Exclude<AccountChoice, { kind: 'refused' }> = { kind: 'any' };

  constructor(deps: ForwardDeps, context: RequestContext, destination: Destination) {
    const { path, query, keyless, managementKey } = destination;
    this.#deps = deps;
    this.#context = context;
    this.#keyless = keyless;
    const { settings, engine, baseUrl, memory, spool, bodyTimeoutMs, active } = deps;
    const { server, forwarding, metrics, rules } = settings;
    const cancellation = this.#cancellation;
    const body = new RequestBody(context.request, {
      ...{ memory, spool, bodyTimeoutMs, cancellation, maxBytes: server.maxBodyBytes },
      keep: !keyless, // bodies that need no access key take no room from those that do
      members: readersFor(rules),
    });
    const wantsStream = () => asksForStream(context, body);
    const keepalive = new Keepalive(context, forwarding.keepaliveAfterMs, wantsStream);
    const objects = new RequestObjects(deps, context, query);
    const shared = { context, engine, baseUrl, path, body, forwarding, metrics, objects };
    this.#body = body;
    this.#keepalive = keepalive;
    this.#attemptDeps = { ...shared, managementKey, cancellation, keepalive };
    this.#deadline = setTimeout(() => {
      cancellation.cancel(endWithError(deadlinePassed(forwarding.deadlineMs)));
    }, forwarding.deadlineMs);
    active.add(cancellation);
    const { response } = context.writer;
    response.once('close', () => {
      if (!response.writableFinished) cancellation.cancel(CLIENT_GONE);
    });
  }

  async run(): Promise<RequestEnd> {
    const refusal = await this.#readRequest();
    if (refusal !== null) return refusal;
    let last: Unanswered | null = null;
    for (;;) {
      const leased = await this.#lease(last);
      if (leased.kind !== 'lease') return leased;
      const result = await this.#attempt(leased.lease);
      if (result.kind === 'answered') return { kind: 'answered', verdict: result.verdict };
      const end = await this.#afterAttempt(result, leased.lease);
      if (end !== null) return end;
      last = result;
    }
  }

  end(): void {
    clearTimeout(this.#deadline);
    this.#keepalive.stop();
    this.#deps.active.delete(this.#cancellation);
    this.#body.release();
  }

  get #limits() {
    const { maxAttempts, googleRateDelayMs, deadlineMs } = this.#deps.settings.forwarding;
    const remainingMs = deadlineMs - this.#context.progress.elapsedMs;
    return { maxAttempts, remainingMs, providerDelayMs: googleRateDelayMs };
  }

  /** Reads what the choice of a key depends on. Null: the request may go on. */
  async #readRequest(): Promise<StopReason | null> {
    const { freeOnly, affinity } = this.#deps.settings.rules;
    const refusal = freeOnly ? await refusePaidModel(this.#context, this.#body) : null;
    if (!this.#keyless && refusal === null) {
      await readModel(this.#context, this.#body);
      if (affinity) this.#affinity = await readConversation(this.#context, this.#body);
      const accounts = await this.#attemptDeps.objects.chooseAccount(this.#body);
      if (accounts.kind === 'refused')
        return this.#cancellation.reason ?? endWithError(accounts.error);
      this.#accounts = accounts;
    }
    const { reason } = this.#cancellation;
    return reason ?? (refusal === null ? null : endWithError(refusal));
  }

  /** A lease for the next attempt, after `last` if there was one; or how the request ends without. */
  async #lease(
    last: Unanswered | null,
  ): Promise<{ readonly kind: 'lease'; readonly lease: Lease | null } | RequestEnd> {
    if (this.#keyless) return { kind: 'lease', lease: null };
    for (;;) {
      const acquired = await this.#acquire();
      switch (acquired.kind) {
        case 'lease':
          return acquired;
        case 'cancelled':
          return this.#cancellation.reason ?? CLIENT_GONE;
        case 'unavailable':
          return endWithError(acquired.error);
        case 'none': {
          const end = await this.#afterNoKey(last, acquired);
          if (end !== null) return end;
        }
      }
    }
  }

  #acquire(): Promise<Acquired> {
    const { path, keepalive } = this.#attemptDeps;
    const wish = {
      ...{ path, exclusions: this.#exclusions, affinity: this.#affinity },
      account: this.#accounts.kind === 'pinned' ? this.#accounts.account : null,
      patienceMs: this.#limits.remainingMs,
    };
    const waitedFor = this.#history.attempts === 0 ? null : 'another attempt';
    const cancellation = this.#cancellation;
    return acquireLease(this.#deps, this.#context, wish, { keepalive, cancellation, waitedFor });
  }

  /** One attempt. However it ends, the key service is told. */
  async #attempt(lease: Lease | null): Promise<AttemptResult> {
    const startedAt = performance.now();
    let result: AttemptResult | null = null;
    try {
      result = await attempt(this.#attemptDeps, lease, () => this.#onContent(lease));
      result = await this.#attributed(result);
      this.#history = withAttempt(this.#history, result.outcome);
      if (result.kind === 'answered' && result.outcome.kind === 'success') {
        await this.#attemptDeps.objects.answered(lease);
      }
      return result;
    } finally {
      this.#report(lease, result, performance.now() - startedAt);
    }
  }

  #onContent(lease: Lease | null): void {
    clearTimeout(this.#deadline); // from here on, silences are limited
    this.#keepalive.stop();
    this.#context.progress.contentBegan();
    if (lease?.probe === true) this.#deps.leases.confirm(lease);
  }

  /** A refusal of what the request adds to its model is not held against the key. */
  async #attributed(result: AttemptResult): Promise<AttemptResult> {
    const { model } = this.#context.progress.known;
    if (result.kind !== 'refused' || !mayConcernExtras(result.outcome, model)) return result;
    const outcome = attributed(result.outcome, model, await readMembers(this.#body));
    return { ...result, outcome };
  }

  #report(lease: Lease | null, result: AttemptResult | null, heldMs: number): void {
    const { leases, metrics, settings } = this.#deps;
    const { identity, progress } = this.#context;
    const outcome = result?.outcome ?? ({ kind: 'unused' } as const);
    const usage =
      result !== null && settings.metrics.tokens ? usedBy(result, identity.api) : undefined;
    progress.attemptUsed(usage);
    if (lease !== null) {
      leases.report(lease, outcome, { usage, isUnsent: result === null || isUnsent(result) });
      metrics.returned(heldMs);
    }
    metrics.attempt(outcome.kind);
  }

  /** Prepares the attempt after one without an answer. How the request ends if there is none; else null. */
  async #afterAttempt(result: Unanswered, lease: Lease | null): Promise<RequestEnd | null> {
    const { reason } = this.#cancellation;
    if (reason?.kind === 'client-gone') return reason;
    const repeat = this.#context.identity.route?.endpoint.repeat ?? 'not-taken';
    const isSearch = this.#accounts.kind === 'search';
    const hasBody = this.#body.repeatable;
    const request = { repeat, hasBody, hasLease: lease !== null, isSearch };
    const step = stepAfter(result, request, this.#history, this.#limits);
    if (reason !== null || step.kind === 'answer') return this.#conclude(result);
    this.#keepalive.waitsFor('another attempt');
    if (step.kind === 'again') return this.#wait(step.afterMs);
    if (lease !== null) {
      const concerns = step.kind === 'other-account' || concernsAccount(result.outcome);
      this.#exclusions = exclude(this.#exclusions, lease.keyId, concerns);
    }
    if (refusesAccount(result.outcome)) this.#firstRefusal ??= result;
    return null;
  }

  /** The same when there was no key for a further attempt. */
  async #afterNoKey(last: Unanswered | null, none: NoKey): Promise<RequestEnd | null> {
    if (last === null) return endWithError(none.error);
    const { outcome } = this.#decisive(last);
    const step = stepWithoutKey(outcome, none, this.#history, this.#limits);
    if (step.kind === 'refuse') return endWithError(none.error);
    if (step.kind !== 'again') return this.#conclude(last);
    this.#history = { ...this.#history, modelWaits: this.#history.modelWaits + 1 };
    this.#exclusions = NO_EXCLUSIONS; // the key that was limited is the one to try after the wait
    return this.#wait(step.afterMs);
  }

  /** Waits, unless the request is cancelled: then it gives the reason. */
  async #wait(ms: number): Promise<StopReason | null> {
    const { signal } = this.#cancellation;
    await sleep(ms, undefined, { signal }).catch(() => undefined); // the reason is read below
    return this.#cancellation.reason;
  }

  /** The attempt that tells a client most: where accounts refused the request, the first of these refusals. */
  #decisive(last: Unanswered): Unanswered {
    return refusesKey(last.outcome) ? (this.#firstRefusal ?? last) : last;
  }

  /** How a request ends after its last attempt brought no answer. */
  async #conclude(last: Unanswered): Promise<RequestEnd> {
    const result = this.#decisive(last);
    if (result.outcome.kind === 'provider_limited') {
      const reason = await this.#wait(this.#deps.settings.forwarding.googleRateDelayMs);
      if (reason !== null) return reason;
    }
    const { reason } = this.#cancellation;
    return conclude(this.#context, result, { keyless: this.#keyless, reason });
  }
}
