import type { KeyFacts, Outcome } from '@openrouter-proxy/kms-protocol';
import { MINUTE_MS, type Clock } from '@openrouter-proxy/runtime';
import type { Allowances } from '../accounts/accounts.ts';
import { AccountFindings, type FreeRequestsBefore } from '../accounts/account-findings.ts';
import { BLOCK_BACK_OFF, CONNECTION_BACK_OFF } from '../limits/back-off.ts';
import { KEY_CHECK } from '../circuits/circuit-breaker.ts';
import { type Circuits } from '../circuits/circuits.ts';
import { isCircuitSubject, type CircuitSubject } from '../limits/limit.ts';
import type { CooldownPolicy } from '../limits/cooldown.ts';
import type { Contacts } from '../health/contacts.ts';
import { guessedCredits } from '../key-checks/doubts.ts';
import { keyEffect, limitEffect, subjectWords } from '../limits/effect-words.ts';
import type { KeyRecords, PoolKey } from '../keys/key-records.ts';
import { concernsKey, type Limit, type Subject } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import { outcomeEffects, type OutcomeEffect } from '../limits/outcome-policy.ts';
import type { SharedRecords } from '../store/shared-records.ts';
import type { StateStore } from '../store/state-store.ts';
import type { LimitListener } from '../keys/limit-listener.ts';
import type { Requester } from '../circuits/requester.ts';
import { StrikeWatch } from './strike-watch.ts';

/** Models that are limited on one key within a minute: then the key is limited. */
const ESCALATE_WITHIN_MS = MINUTE_MS;
const MODELS_ON_ONE_KEY = 3;
/** Refused requests that are told to the circuit breaker: more add nothing. */
const MAX_STRUCK_REQUESTS = 8;
/** An account with fewer credits left may be refused again at once. */
const ENOUGH_CREDITS = 0.1;

/** What taking in works with. */
export interface ReportsDeps {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly limits: LimitRegistry;
  readonly circuits: Circuits;
  readonly allowances: Allowances;
  readonly shared: SharedRecords;
  readonly store: StateStore;
  readonly contacts: Contacts;
  readonly policy: CooldownPolicy;
  readonly clock: Clock;
  readonly listener: LimitListener;
}

/** What came of a lease. */
export interface LeaseEnd {
  readonly outcome: Outcome;
  readonly generation: number;
  readonly model: string | null;
  readonly requester: Requester;
  /** Whether it was for a model: what other endpoints say of a key is about these endpoints. */
  readonly isInference: boolean;
  /** Whether it was to prove its key, and had not been confirmed. */
  readonly wasProbe: boolean;
}

/** Takes in what came of leases and inspections, and carries out what it means. */
export class Reports {
  readonly #parts: ReportsDeps;
  readonly #strikes = new StrikeWatch();
  readonly #accounts: AccountFindings;

  constructor(parts: ReportsDeps) {
    this.#parts = parts;
    this.#accounts = new AccountFindings(parts);
  }

  /** Resolves with what it meant when everything that must outlast this process is saved, or could not be. */
  async take(key: PoolKey, end: LeaseEnd): Promise<string[]> {
    const { outcome, generation, model, requester, wasProbe } = end;
    const { records, policy, clock } = this.#parts;
    const now = clock.now();
    if (outcome.kind === 'unauthorized') {
      if (!end.isInference)
        return ['this endpoint refuses the key: `GET /key` tells whether others do'];
      if (await this.#isEverybodys(key, outcome, requester, now)) {
        return ['keys of several accounts were refused alike: none of them is set aside'];
      }
    }
    const before = records.of(key, now).state;
    const followed: string[] = [];
    const saved = [records.take(key, { kind: 'reported', outcome, generation })];
    if (wasProbe && outcome.kind === 'success') saved.push(this.prove(key, generation));
    const about = { keyId: key.id, account: records.accountOf(key), model };
    for (const consequence of outcomeEffects(outcome, about, now, policy)) {
      saved.push(this.#carryOut(consequence, outcome, requester, followed, now));
    }
    saved.push(this.#escalate(key, end, now));
    const after = records.of(key, now).state;
    if (after !== before) followed.unshift(keyEffect(key.name, after));
    await Promise.all(saved);
    return followed;
  }

  /** OpenRouter has taken a request that was to prove the key. */
  async prove(key: PoolKey, generation: number): Promise<void> {
    await this.#parts.records.take(key, { kind: 'proved', generation });
  }

  /** Takes in what `GET /key` told: it replaces what was only guessed. `before`: the count when it was asked. */
  async checkAnswered(
    key: PoolKey,
    facts: KeyFacts,
    before: FreeRequestsBefore | null,
  ): Promise<void> {
    await this.#accounts.learn(key, facts);
    await this.#reachedByCheck(this.#parts.clock.now());
    const ended = await this.#accounts.count(key, facts, before);
    if (ended !== null) await this.lift(ended);
    if ((facts.creditsLeft ?? 0) < ENOUGH_CREDITS) return;
    const paid = guessedCredits(this.#parts, key, this.#parts.clock.now());
    await Promise.all(paid.map((subject) => this.lift(subject)));
  }

  /** `GET /key` was refused with 401. */
  async keyRejected(
    key: PoolKey,
    outcome: Extract<Outcome, { kind: 'unauthorized' }>,
  ): Promise<void> {
    const { records, clock } = this.#parts;
    const now = clock.now();
    if (await this.#isEverybodys(key, outcome, this.#keyCheck(key, now), now)) return;
    const { strikeUntil, generation } = records.of(key, now);
    if (strikeUntil === null) {
      await records.take(key, { kind: 'reported', outcome, generation });
    } else await records.take(key, { kind: 'disowned', detail: outcome.detail });
  }

  /** `GET /key` did not reach OpenRouter: whoever fails too does not fail for what it sends. */
  async checkFailed(key: PoolKey, outcome: Outcome): Promise<void> {
    const now = this.#parts.clock.now();
    const failure: OutcomeEffect = {
      ...{ kind: 'failure', subject: { scope: 'upstream' }, said: null },
      backOff: CONNECTION_BACK_OFF,
    };
    await this.#carryOut(failure, outcome, this.#keyCheck(key, now), [], now);
  }

  #keyCheck({ id }: PoolKey, now: number): Requester {
    return { requestId: `${id} ${now}`, client: KEY_CHECK, startedAt: now };
  }

  /**
   * Several accounts' keys refused within moments: it is the pool, or what is between here and
   * OpenRouter. Several requests that were refused so open the circuit breaker.
   */
  async #isEverybodys(
    key: PoolKey,
    outcome: Outcome,
    requester: Requester,
    now: number,
  ): Promise<boolean> {
    const { records, keys, contacts } = this.#parts;
    const accounts = new Set(keys.map((each) => records.accountOf(each)));
    const account = records.accountOf(key);
    const { lastAcceptedAt } = contacts;
    const strike = { key, account, requester, at: now };
    const strikes = this.#strikes.add(strike, accounts.size, lastAcceptedAt);
    if (strikes === null) return false;
    const failure: OutcomeEffect = {
      ...{ kind: 'failure', subject: { scope: 'upstream' }, said: null },
      backOff: BLOCK_BACK_OFF,
    };
    const struck = new Set(strikes.map((each) => each.key));
    const requesters = new Map(strikes.map((each) => [each.requester.requestId, each.requester]));
    await Promise.all([
      ...[...struck].map((each) => records.take(each, { kind: 'absolved' })),
      ...[...requesters.values()]
        .slice(-MAX_STRUCK_REQUESTS)
        .map((each) => this.#carryOut(failure, outcome, each, [], now)),
    ]);
    return true;
  }

  /** Does what an outcome means, and notes in `followed` what a person would want to know of it. */
  async #carryOut(
    consequence: OutcomeEffect,
    outcome: Outcome,
    requester: Requester,
    followed: string[],
    now: number,
  ): Promise<void> {
    const { limits, allowances, shared, listener } = this.#parts;
    if (consequence.kind === 'learn') {
      const { account, window, limit } = consequence;
      const learnt = allowances.learn(account, window, limit);
      if (learnt !== undefined) await shared.keepAllowance(account, learnt);
      return;
    }
    if (consequence.kind === 'reset') {
      const { subject, reason } = consequence;
      const inForce = reason === undefined ? undefined : limits.on(subject, now);
      if (inForce !== undefined && inForce.cause.reason !== reason) return;
      if (!this.#served(subject, now)) return;
      followed.push(`${subjectWords(consequence.subject)}: the limit is lifted`);
      await this.#lifted(consequence.subject);
      return;
    }
    const limit = this.#limit(consequence, outcome, requester, now);
    if (limit === undefined) return;
    listener.onLimit(limit, this.#parts.records.keysConcernedBy(limit.subject));
    followed.push(limitEffect(limit));
    await shared.keepLimit(limit.subject, limit);
  }

  /** The limit that begins; undefined: none does. */
  #limit(
    consequence: Extract<OutcomeEffect, { kind: 'limit' | 'back-off' | 'failure' }>,
    outcome: Outcome,
    { requestId: id, client, startedAt }: Requester,
    now: number,
  ): Limit | undefined {
    const { limits, circuits } = this.#parts;
    const [reason, detail] = [outcome.kind, 'detail' in outcome ? outcome.detail : ''];
    if (consequence.kind !== 'failure') return limits.limit(consequence, { reason, detail }, now);
    const { subject, backOff, said } = consequence;
    const failed = { id, client, startedAt, at: now, reason, said };
    return circuits.failed(subject, failed, backOff, detail);
  }

  /** Whether that ends anything. */
  #served(subject: Subject, now: number): boolean {
    const { limits, circuits } = this.#parts;
    return isCircuitSubject(subject) ? circuits.served(subject, now) : limits.lift(subject, now);
  }

  /** The first content of a probe has come: it need not end before the circuits are closed. */
  async probeServed(subjects: readonly CircuitSubject[]): Promise<void> {
    const now = this.#parts.clock.now();
    const closed = subjects.filter((subject) => this.#served(subject, now));
    await Promise.all(closed.map((subject) => this.#lifted(subject)));
  }

  /** OpenRouter can be reached and accepts a key; whether it blocks what clients send is not said. */
  async #reachedByCheck(now: number): Promise<void> {
    const subject: CircuitSubject = { scope: 'upstream' };
    const { failed } = this.#parts.circuits.of(subject, now);
    if (failed.length === 0 || failed.some(({ reason }) => reason === 'edge_blocked')) return;
    if (this.#served(subject, now)) await this.#lifted(subject);
  }

  /** An operator knows better: no limit of the key's account, or on a model, holds the key back any more. */
  async release(key: PoolKey): Promise<void> {
    const { limits, records, clock } = this.#parts;
    const about = { id: key.id, account: records.accountOf(key) };
    const concerning = limits.all(clock.now()).filter(({ subject }) => concernsKey(subject, about));
    await Promise.all(concerning.map(({ subject }) => this.lift(subject)));
  }

  /** Ends a limit, if there is one. */
  async lift(subject: Subject): Promise<void> {
    const { limits, circuits, clock } = this.#parts;
    if (isCircuitSubject(subject)) circuits.reset(subject);
    if (limits.lift(subject, clock.now())) await this.#lifted(subject);
  }

  async #lifted(subject: Subject): Promise<void> {
    const { listener, records, shared } = this.#parts;
    listener.onLifted(subject, records.keysConcernedBy(subject));
    await shared.keepLimit(subject, null);
  }

  /** What concerns several models on one key concerns the key as a whole. */
  async #escalate(
    key: PoolKey,
    { outcome, generation, model }: LeaseEnd,
    now: number,
  ): Promise<void> {
    const { records, limits } = this.#parts;
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
