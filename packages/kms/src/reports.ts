import type { KeyFacts, Outcome } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import type { Allowances } from './accounts.ts';
import { AccountFindings, type FreeRequestsBefore } from './account-findings.ts';
import { BLOCK_BACK_OFF } from './back-off.ts';
import type { CooldownPolicy } from './cooldown.ts';
import type { Contacts } from './health/contacts.ts';
import { keyEffect, limitEffect, subjectWords } from './effect-words.ts';
import type { KeyRecords, PoolKey } from './key-records.ts';
import { concernsKey, type Limit, type Subject } from './limit.ts';
import type { LimitBook } from './limit-book.ts';
import { consequencesOf, type Consequence } from './meaning.ts';
import type { SharedRecords } from './shared-records.ts';
import type { StateStore } from './state-store.ts';
import { StrikeWatch } from './strike-watch.ts';

/** What is refused as often within a minute is not the fault of the one it was refused to. */
const ESCALATE_WITHIN_MS = 60_000;
const MODELS_ON_ONE_KEY = 3;
const OF_ONE_MODEL = { rate_limited: 3, model_throttled: 2 } as const;
const SCOPE_OF = { rate_limited: 'key-model', model_throttled: 'account-model' } as const;

/** Told what becomes of what keys share. */
export interface LimitListener {
  /** `keys`: those of the limited account. */
  onLimit(limit: Limit, keys: readonly PoolKey[]): void;
  onLifted(subject: Subject, keys: readonly PoolKey[]): void;
  /** Several keys turn out to belong to one account. */
  onShared(account: string, keys: readonly PoolKey[]): void;
}

/** What taking in works with. */
export interface ReportsParts {
  readonly keys: readonly PoolKey[];
  readonly records: KeyRecords;
  readonly limits: LimitBook;
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
  /** Whether it was to prove its key, and had not been confirmed. */
  readonly wasProbe: boolean;
}

/** Takes in what came of leases and inspections, and carries out what it means. */
export class Reports {
  readonly #parts: ReportsParts;
  readonly #strikes = new StrikeWatch();
  readonly #accounts: AccountFindings;

  constructor(parts: ReportsParts) {
    this.#parts = parts;
    this.#accounts = new AccountFindings(parts);
  }

  /** Resolves with what it meant when everything that must outlast this process is saved, or could not be. */
  async take(key: PoolKey, { outcome, generation, model, wasProbe }: LeaseEnd): Promise<string[]> {
    const { records, policy, clock } = this.#parts;
    const now = clock.now();
    if (outcome.kind === 'unauthorized' && (await this.#isEverybodys(key, outcome, now))) {
      return ['keys of several accounts were refused alike: OpenRouter is left alone for a while'];
    }
    const before = records.of(key, now).state;
    const followed: string[] = [];
    const saved = [records.take(key, { kind: 'reported', outcome, generation })];
    if (wasProbe && outcome.kind === 'success') saved.push(this.prove(key, generation));
    const about = { keyId: key.id, account: records.accountOf(key), model };
    for (const consequence of consequencesOf(outcome, about, now, policy)) {
      saved.push(this.#carryOut(consequence, outcome, now, followed));
    }
    saved.push(this.#escalate(key, { outcome, generation, model }, followed, now));
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
  async inspected(key: PoolKey, facts: KeyFacts, before: FreeRequestsBefore | null): Promise<void> {
    await this.#accounts.learn(key, facts);
    await this.#liftUpstream(this.#parts.clock.now());
    const ended = await this.#accounts.count(key, facts, before);
    if (ended !== null) await this.lift(ended);
  }

  /** `GET /key` was refused with 401. */
  async disowned(key: PoolKey, outcome: Extract<Outcome, { kind: 'unauthorized' }>): Promise<void> {
    const { records, clock } = this.#parts;
    const now = clock.now();
    if (await this.#isEverybodys(key, outcome, now)) return;
    const { strikeUntil, generation } = records.of(key, now);
    if (strikeUntil === null) {
      await records.take(key, { kind: 'reported', outcome, generation });
    } else await records.take(key, { kind: 'disowned', detail: outcome.detail });
  }

  /** Several accounts' keys refused within moments: it is the pool, or the way to OpenRouter. */
  async #isEverybodys(key: PoolKey, outcome: Outcome, now: number): Promise<boolean> {
    const { records, keys, contacts } = this.#parts;
    const accounts = new Set(keys.map((each) => records.accountOf(each)));
    const account = records.accountOf(key);
    const { lastAcceptedAt } = contacts;
    const struck = this.#strikes.add(key, account, accounts.size, now, lastAcceptedAt);
    if (struck === null) return false;
    const upstream: Consequence = {
      kind: 'back-off',
      subject: { scope: 'upstream' },
      backOff: BLOCK_BACK_OFF,
      after: 1,
    };
    await Promise.all([
      ...struck.map((each) => records.take(each, { kind: 'absolved' })),
      this.#carryOut(upstream, outcome, now, []),
    ]);
    return true;
  }

  /** Does what an outcome means, and notes in `followed` what a person would want to know of it. */
  async #carryOut(
    consequence: Consequence,
    outcome: Outcome,
    now: number,
    followed: string[],
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
      if (!limits.lift(subject, now)) return;
      followed.push(`${subjectWords(consequence.subject)}: the limit is lifted`);
      await this.#lifted(consequence.subject);
      return;
    }
    const detail = 'detail' in outcome ? outcome.detail : '';
    const limit = limits.limit(consequence, { reason: outcome.kind, detail }, now);
    if (limit === undefined) return;
    listener.onLimit(limit, this.#parts.records.keysConcernedBy(limit.subject));
    followed.push(limitEffect(limit));
    await shared.keepLimit(limit.subject, limit);
  }

  /** OpenRouter can be reached and accepts a key; whether it blocks what clients send is not said. */
  async #liftUpstream(now: number): Promise<void> {
    const limit = this.#parts.limits.on({ scope: 'upstream' }, now);
    if (limit === undefined || limit.cause.reason === 'edge_blocked') return;
    await this.lift({ scope: 'upstream' });
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
    const { limits, clock } = this.#parts;
    if (limits.lift(subject, clock.now())) await this.#lifted(subject);
  }

  async #lifted(subject: Subject): Promise<void> {
    const { listener, records, shared } = this.#parts;
    listener.onLifted(subject, records.keysConcernedBy(subject));
    await shared.keepLimit(subject, null);
  }

  /** What concerns one model on one key, or account, may concern the key, or the model, as a whole. */
  async #escalate(
    key: PoolKey,
    { outcome, generation, model }: Omit<LeaseEnd, 'wasProbe'>,
    followed: string[],
    now: number,
  ): Promise<void> {
    const { records, limits } = this.#parts;
    if (outcome.kind !== 'rate_limited' && outcome.kind !== 'model_throttled') return;
    if (model === null) {
      if (outcome.kind !== 'rate_limited') return;
      await records.take(key, { kind: 'limited', outcome, generation });
      return;
    }
    const recent = limits
      .all(now)
      .filter(
        ({ since, cause }) => now - since < ESCALATE_WITHIN_MS && cause.reason === outcome.kind,
      );
    const onKey = recent.filter(
      ({ subject }) => subject.scope === 'key-model' && subject.keyId === key.id,
    );
    if (outcome.kind === 'rate_limited' && onKey.length >= MODELS_ON_ONE_KEY) {
      await records.take(key, { kind: 'limited', outcome, generation });
    }
    const onModel = recent.filter(
      ({ subject: { scope, ...about } }) =>
        scope === SCOPE_OF[outcome.kind] && 'model' in about && about.model === model,
    );
    const [first] = onModel;
    if (first === undefined || onModel.length < OF_ONE_MODEL[outcome.kind]) return;
    const end = { until: first.until, source: first.cause.source };
    const consequence: Consequence = { kind: 'limit', subject: { scope: 'model', model }, end };
    await this.#carryOut(consequence, outcome, now, followed);
  }
}
