import { MINUTE_MS } from '@openrouter-proxy/runtime';
import type { Cause } from '@openrouter-proxy/kms-protocol';
import { backOffMs } from './back-off.ts';
import { settledLimit, subjectId, type Limit, type Subject } from './limit.ts';
import type { OutcomeEffect } from './outcome-policy.ts';

/** How many limits are remembered; those that ended first are forgotten first. */
const MAX_LIMITS = 10_000;
/** A back-off that ended as long ago does not make the next one longer. */
const LEVEL_LASTS_MS = 10 * MINUTE_MS;

type Limiting = Extract<OutcomeEffect, { kind: 'limit' | 'back-off' }>;

/**
 * The limits that are not a key's own, by what they are about. Expiry is computed on read; a limit that
 * is over is remembered for a while, since the next back-off is longer than the one before.
 */
export class LimitRegistry {
  readonly #random: () => number;
  readonly #limits = new Map<string, Limit>();
  /** Models that were limited on some key or account. */
  readonly #models = new Set<string>();
  #version = 0;

  constructor(random: () => number, kept: Iterable<Limit> = []) {
    this.#random = random;
    for (const apply of kept) this.#keep(apply);
  }

  /** Grows whenever a limit begins, changes, or is lifted. */
  get version(): number {
    return this.#version;
  }

  /** The limit in force on a subject. */
  on(subject: Subject, now: number): Limit | undefined {
    if (this.#limits.size === 0) return undefined;
    const limit = this.#limits.get(subjectId(subject));
    return limit === undefined ? undefined : settledLimit(limit, now);
  }

  /** Whether a model may be limited on some key or account. */
  concernsModel(model: string): boolean {
    return this.#models.has(model);
  }

  /** Every limit in force, those that last longest first. */
  all(now: number): Limit[] {
    return [...this.#limits]
      .flatMap(([id, limit]) => {
        const inForce = settledLimit(limit, now);
        return inForce === undefined ? [] : [{ id, inForce }];
      })
      .toSorted((a, b) => b.inForce.until - a.inForce.until || (a.id < b.id ? -1 : 1))
      .map(({ inForce }) => inForce);
  }

  /** Takes in that something cannot serve. The new limit; undefined if that changes nothing. */
  apply(
    consequence: Limiting,
    cause: Pick<Cause, 'reason' | 'detail'>,
    now: number,
  ): Limit | undefined {
    const { subject } = consequence;
    const id = subjectId(subject);
    const before = this.#limits.get(id);
    const inForce = before && settledLimit(before, now);
    if (consequence.kind === 'limit') {
      const { until, source } = consequence.end;
      return this.#begin(
        { subject, since: now, until, cause: { ...cause, source }, level: 0 },
        inForce,
      );
    }
    // Those who were under way when it began tell of the same trouble.
    if (inForce !== undefined) return undefined;
    const isRecent = before !== undefined && now - before.until < LEVEL_LASTS_MS;
    const level = (isRecent ? before.level : 0) + 1;
    const until = now + backOffMs(consequence.backOff, level, this.#random);
    return this.#begin(
      { subject, since: now, until, cause: { ...cause, source: 'back-off' }, level },
      inForce,
    );
  }

  /** Takes in the limit of a circuit that has opened. The limit; undefined if that changes nothing. */
  open(limit: Limit, now: number): Limit | undefined {
    return this.#begin(limit, this.on(limit.subject, now));
  }

  /** Takes over a limit from who shares the state. Whether that changes anything. */
  adopt(limit: Limit, now: number): boolean {
    const inForce = this.on(limit.subject, now);
    if (settledLimit(limit, now) === undefined || inForce?.until === limit.until) return false;
    this.#keep(limit);
    this.#version += 1;
    return true;
  }

  /** What was known of an account is of another: gives the limits that began for that, and the subjects that ended. */
  moveAccount(from: string, to: string, now: number): { began: Limit[]; ended: Subject[] } {
    const began: Limit[] = [];
    const ended: Subject[] = [];
    for (const [id, limit] of this.#limits) {
      const { subject } = limit;
      if (!('account' in subject) || subject.account !== from) continue;
      const target: Subject = { ...subject, account: to };
      this.#limits.delete(id);
      ended.push(subject);
      const isLonger = (this.on(target, now)?.until ?? now) < limit.until;
      if (!isLonger) continue;
      const moved = { ...limit, subject: target };
      this.#keep(moved);
      began.push(moved);
    }
    if (ended.length > 0) this.#version += 1;
    return { began, ended };
  }

  /** Ends a limit. Whether there was one in force. */
  lift(subject: Subject, now: number): boolean {
    if (this.#limits.size === 0) return false;
    const id = subjectId(subject);
    const limit = this.#limits.get(id);
    this.#limits.delete(id);
    if (limit === undefined || settledLimit(limit, now) === undefined) return false;
    this.#version += 1;
    return true;
  }

  /** Reports never shorten what is known of a limit. */
  #begin(limit: Limit, inForce: Limit | undefined): Limit | undefined {
    if (inForce !== undefined && inForce.until >= limit.until) return undefined;
    this.#keep(limit);
    this.#version += 1;
    if (this.#limits.size > MAX_LIMITS) this.#forgetOne();
    return limit;
  }

  #keep(limit: Limit): void {
    const { subject } = limit;
    this.#limits.set(subjectId(subject), limit);
    if (subject.scope === 'key-model' || subject.scope === 'account-model') {
      this.#models.add(subject.model);
    }
  }

  #forgetOne(): void {
    let soonest: [id: string, until: number] | undefined;
    for (const [id, { until }] of this.#limits) {
      if (soonest === undefined || until < soonest[1]) soonest = [id, until];
    }
    if (soonest !== undefined) this.#limits.delete(soonest[0]);
    this.#models.clear();
    for (const { subject } of this.#limits.values()) {
      if (subject.scope === 'key-model' || subject.scope === 'account-model') {
        this.#models.add(subject.model);
      }
    }
  }
}
