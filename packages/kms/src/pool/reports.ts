import type { KeyMetadata, Outcome } from '@openrouter-proxy/kms-protocol';
import { MINUTE_MS } from '@openrouter-proxy/runtime';
import { AccountMetadata, type FreeRequestsBefore } from '../accounts/account-metadata.ts';
import { KEY_CHECK } from '../circuits/circuit-breaker.ts';
import type { Requester } from '../circuits/requester.ts';
import { guessedCredits } from '../key-checks/doubts.ts';
import type { PoolKey } from '../keys/key-records.ts';
import { BLOCK_BACK_OFF, CONNECTION_BACK_OFF, type BackOff } from '../limits/back-off.ts';
import { keyEffect } from '../limits/effect-words.ts';
import { concernsKey, type CircuitSubject, type Subject } from '../limits/limit.ts';
import { outcomeEffects, type OutcomeEffect } from '../limits/outcome-policy.ts';
import type { Collaborators } from './collaborators.ts';
import { Effects } from './effects.ts';
import { StrikeWatch } from './strike-watch.ts';

/** A key is limited as a whole once this many of its models are rate limited within this time. */
const MODELS_ON_ONE_KEY = 3;
const ESCALATE_WITHIN_MS = MINUTE_MS;
/** Rejected requests reported to the circuit breaker at once: further ones add no evidence. */
const MAX_REJECTED_REQUESTS = 8;
/** Credits. With less, OpenRouter may refuse the account's next request again. */
const ENOUGH_CREDITS = 0.1;
const UPSTREAM: CircuitSubject = { scope: 'upstream' };

/** Collaborators of Reports. */
export type ReportsDeps = Pick<
  Collaborators,
  | ('keys' | 'records' | 'limits' | 'circuits' | 'allowances' | 'shared' | 'store')
  | ('contacts' | 'policy' | 'clock' | 'listener')
>;

/** The result of a lease. */
export interface LeaseResult {
  readonly outcome: Outcome;
  readonly generation: number;
  readonly model: string | null;
  readonly requester: Requester;
  /** False for endpoints other than a model's: their 401 says nothing about the key elsewhere. */
  readonly isInference: boolean;
  /** The lease was a probe of a half-open key, and was not confirmed. */
  readonly wasProbe: boolean;
}

/** Applies the results of leases and key checks to keys, limits and accounts. */
export class Reports {
  readonly #deps: ReportsDeps;
  readonly #strikes = new StrikeWatch();
  readonly #accounts: AccountMetadata;
  readonly #effects: Effects;

  constructor(deps: ReportsDeps) {
    this.#deps = deps;
    this.#accounts = new AccountMetadata(deps);
    this.#effects = new Effects(deps);
  }

  /** Applies a lease's result. Resolves with its effects in words once they are saved, or cannot be. */
  async take(key: PoolKey, result: LeaseResult): Promise<string[]> {
    const { outcome, generation, model, requester, wasProbe } = result;
    const { records, policy, clock } = this.#deps;
    const now = clock.now();
    if (outcome.kind === 'unauthorized') {
      if (!result.isInference)
        return ['this endpoint refuses the key: `GET /key` tells whether others do'];
      if (await this.#isCommonRejection(key, outcome, requester, now)) {
        return ['keys of several accounts were refused at once: none of them is set aside'];
      }
    }
    const before = records.of(key, now).state;
    const followed: string[] = [];
    const saved = [records.take(key, { kind: 'reported', outcome, generation })];
    if (wasProbe && outcome.kind === 'success') saved.push(this.confirm(key, generation));
    const about = { keyId: key.id, account: records.accountOf(key), model };
    for (const effect of outcomeEffects(outcome, about, now, policy)) {
      saved.push(this.#effects.apply(effect, outcome, requester, followed, now));
    }
    saved.push(this.#escalate(key, result, now));
    const after = records.of(key, now).state;
    if (after !== before) followed.unshift(keyEffect(key.name, after));
    await Promise.all(saved);
    return followed;
  }

  /** OpenRouter accepted a probe of the half-open key. */
  async confirm(key: PoolKey, generation: number): Promise<void> {
    await this.#deps.records.take(key, { kind: 'confirmed', generation });
  }

  /** Closes circuits whose probe has received its first content. */
  async probeServed(subjects: readonly CircuitSubject[]): Promise<void> {
    await this.#effects.probeServed(subjects);
  }

  /**
   * Replaces guesses by the answer to `GET /key`. `before` is the count of free requests when the
   * check began.
   */
  async checkAnswered(
    key: PoolKey,
    metadata: KeyMetadata,
    before: FreeRequestsBefore | null,
  ): Promise<void> {
    await this.#accounts.assign(key, metadata);
    await this.#reachedByCheck(this.#deps.clock.now());
    const ended = await this.#accounts.countFreeRequests(key, metadata, before);
    if (ended !== null) await this.lift(ended);
    if ((metadata.creditsLeft ?? 0) < ENOUGH_CREDITS) return;
    const guessed = guessedCredits(this.#deps, key, this.#deps.clock.now());
    await Promise.all(guessed.map((subject) => this.lift(subject)));
  }

  /** `GET /key` was rejected with 401. */
  async keyRejected(
    key: PoolKey,
    outcome: Extract<Outcome, { kind: 'unauthorized' }>,
  ): Promise<void> {
    const { records, clock } = this.#deps;
    const now = clock.now();
    if (await this.#isCommonRejection(key, outcome, requesterOfCheck(key, now), now)) return;
    const { strikeUntil, generation } = records.of(key, now);
    if (strikeUntil === null) {
      await records.take(key, { kind: 'reported', outcome, generation });
    } else await records.take(key, { kind: 'rejected', detail: outcome.detail });
  }

  /** `GET /key` did not reach OpenRouter: a failure that no client's request has caused. */
  async checkFailed(key: PoolKey, outcome: Outcome): Promise<void> {
    const now = this.#deps.clock.now();
    const requester = requesterOfCheck(key, now);
    await this.#effects.apply(upstreamFailure(CONNECTION_BACK_OFF), outcome, requester, [], now);
  }

  /** Lifts every limit on a key's account or on its models: an operator says so. */
  async liftAll(key: PoolKey): Promise<void> {
    const { limits, records, clock } = this.#deps;
    const about = { id: key.id, account: records.accountOf(key) };
    const concerning = limits.all(clock.now()).filter(({ subject }) => concernsKey(subject, about));
    await Promise.all(concerning.map(({ subject }) => this.lift(subject)));
  }

  /** Lifts a limit, if there is one. */
  async lift(subject: Subject): Promise<void> {
    await this.#effects.lift(subject);
  }

  /**
   * Whether keys of several accounts were rejected within seconds. Then the cause is not the key: the
   * strikes are cleared, and the circuit breaker of the upstream counts the requests.
   */
  async #isCommonRejection(
    key: PoolKey,
    outcome: Outcome,
    requester: Requester,
    now: number,
  ): Promise<boolean> {
    const { records, keys, contacts } = this.#deps;
    const accounts = new Set(keys.map((each) => records.accountOf(each)));
    const strike = { key, account: records.accountOf(key), requester, at: now };
    const strikes = this.#strikes.add(strike, accounts.size, contacts.lastAcceptedAt);
    if (strikes === null) return false;
    const rejected = new Set(strikes.map((each) => each.key));
    const requesters = new Map(strikes.map((each) => [each.requester.requestId, each.requester]));
    const failure = upstreamFailure(BLOCK_BACK_OFF);
    await Promise.all([
      ...[...rejected].map((each) => records.take(each, { kind: 'strikes-cleared' })),
      ...[...requesters.values()]
        .slice(-MAX_REJECTED_REQUESTS)
        .map((each) => this.#effects.apply(failure, outcome, each, [], now)),
    ]);
    return true;
  }

  /** Closes the upstream's circuit after an answered check, unless it opened because of a block. */
  async #reachedByCheck(now: number): Promise<void> {
    const { failed } = this.#deps.circuits.of(UPSTREAM, now);
    if (failed.length === 0 || failed.some(({ reason }) => reason === 'edge_blocked')) return;
    await this.#effects.probeServed([UPSTREAM]);
  }

  /** Limits the key as a whole when several of its models are rate limited. */
  async #escalate(
    key: PoolKey,
    { outcome, generation, model }: LeaseResult,
    now: number,
  ): Promise<void> {
    const { records, limits } = this.#deps;
    if (outcome.kind !== 'rate_limited') return;
    const onKey = limits
      .all(now)
      .filter(
        ({ since, cause, subject }) =>
          now - since < ESCALATE_WITHIN_MS &&
          cause.reason === outcome.kind &&
          subject.scope === 'key-model' &&
          subject.keyId === key.id,
      );
    if (model !== null && onKey.length < MODELS_ON_ONE_KEY) return;
    await records.take(key, { kind: 'limited', outcome, generation });
  }
}

function requesterOfCheck({ id }: PoolKey, now: number): Requester {
  return { requestId: `${id} ${now}`, client: KEY_CHECK, startedAt: now };
}

const upstreamFailure = (backOff: BackOff): OutcomeEffect => ({
  ...{ kind: 'failure', subject: UPSTREAM, said: null },
  backOff,
});
