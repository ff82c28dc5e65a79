import type { Outcome } from '@openrouter-proxy/kms-protocol';
import type { Requester } from '../circuits/requester.ts';
import { limitEffect, subjectWords } from '../limits/effect-words.ts';
import {
  isCircuitSubject,
  type CircuitSubject,
  type Limit,
  type Subject,
} from '../limits/limit.ts';
import type { OutcomeEffect } from '../limits/outcome-policy.ts';
import type { Collaborators } from './collaborators.ts';

/** Collaborators of Effects. */
export type EffectsDeps = Pick<
  Collaborators,
  'records' | 'limits' | 'circuits' | 'allowances' | 'shared' | 'listener' | 'clock'
>;

type Limiting = Extract<OutcomeEffect, { kind: 'limit' | 'back-off' | 'failure' }>;

/** Carries out the effects of outcomes on accounts, models and the upstream. */
export class Effects {
  readonly #deps: EffectsDeps;

  constructor(deps: EffectsDeps) {
    this.#deps = deps;
  }

  /** Applies an effect at once, and resolves when it is saved. Adds its words to `followed`. */
  async apply(
    effect: OutcomeEffect,
    outcome: Outcome,
    requester: Requester,
    followed: string[],
    now: number,
  ): Promise<void> {
    const { allowances, shared } = this.#deps;
    switch (effect.kind) {
      case 'learn': {
        const learnt = allowances.learn(effect.account, effect.window, effect.limit);
        if (learnt !== undefined) await shared.keepAllowance(effect.account, learnt);
        return;
      }
      case 'reset':
        if (!this.#reset(effect, now)) return;
        followed.push(`${subjectWords(effect.subject)}: the limit is lifted`);
        await this.#lifted(effect.subject);
        return;
      default:
        await this.#limit(effect, outcome, requester, followed, now);
    }
  }

  /** Closes circuits whose probe has received its first content. */
  async probeServed(subjects: readonly CircuitSubject[]): Promise<void> {
    const now = this.#deps.clock.now();
    const closed = subjects.filter((subject) => this.#served(subject, now));
    await Promise.all(closed.map((subject) => this.#lifted(subject)));
  }

  /** Lifts a limit, if there is one, and resets its circuit. */
  async lift(subject: Subject): Promise<void> {
    const { limits, circuits, clock } = this.#deps;
    if (isCircuitSubject(subject)) circuits.reset(subject);
    if (limits.lift(subject, clock.now())) await this.#lifted(subject);
  }

  async #limit(
    effect: Limiting,
    outcome: Outcome,
    requester: Requester,
    followed: string[],
    now: number,
  ): Promise<void> {
    const { records, shared, listener } = this.#deps;
    const limit = this.#newLimit(effect, outcome, requester, now);
    if (limit === undefined) return;
    listener.onLimit(limit, records.keysConcernedBy(limit.subject));
    followed.push(limitEffect(limit));
    await shared.keepLimit(limit.subject, limit);
  }

  /** The limit that begins; undefined if none does. */
  #newLimit(
    effect: Limiting,
    outcome: Outcome,
    { requestId: id, client, startedAt }: Requester,
    now: number,
  ): Limit | undefined {
    const { limits, circuits } = this.#deps;
    const [reason, detail] = [outcome.kind, 'detail' in outcome ? outcome.detail : ''];
    if (effect.kind !== 'failure') return limits.apply(effect, { reason, detail }, now);
    const { subject, backOff, said } = effect;
    const failed = { id, client, startedAt, at: now, reason, said };
    return circuits.failed(subject, failed, backOff, detail);
  }

  /** Whether a success ends a limit. A reset with a reason ends only a limit of that reason. */
  #reset({ subject, reason }: Extract<OutcomeEffect, { kind: 'reset' }>, now: number): boolean {
    const limit = reason === undefined ? undefined : this.#deps.limits.on(subject, now);
    if (limit !== undefined && limit.cause.reason !== reason) return false;
    return this.#served(subject, now);
  }

  /** Notes a success. Returns whether it ends a limit. */
  #served(subject: Subject, now: number): boolean {
    const { limits, circuits } = this.#deps;
    return isCircuitSubject(subject) ? circuits.served(subject, now) : limits.lift(subject, now);
  }

  async #lifted(subject: Subject): Promise<void> {
    const { listener, records, shared } = this.#deps;
    listener.onLifted(subject, records.keysConcernedBy(subject));
    await shared.keepLimit(subject, null);
  }
}
