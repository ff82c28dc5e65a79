import { MINUTE_MS } from '@openrouter-proxy/runtime';
import type { Cause } from '@openrouter-proxy/kms-protocol';
import { backOffMs } from './back-off.ts';
import { settledLimit, subjectId, type Limit, type Subject } from './limit.ts';
import type { OutcomeEffect } from './outcome-policy.ts';

/** The most remembered limits. The one that ends first is forgotten first. */
const MAX_LIMITS = 10_000;
/** A back-off that ended longer ago than this does not extend the next one. */
const LEVEL_LASTS_MS = 10 * MINUTE_MS;

type Limiting = Extract<OutcomeEffect, { kind: 'limit' | 'back-off' }>;

/**
 * The limits that are not a key's own, by subject. Expiry is computed on read. An expired limit is
 * remembered, since the next back-off is longer than the last.
 */
export class LimitRegistry {
  readonly #random: () => number;
  readonly #limits = new Map<string, Limit>();
  /** Models with a limit on some key or account. */
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

  /** Whether a model may have a limit on some key or account. */
  concernsModel(model: string): boolean {
    return this.#models.has(model);
  }

  /** Every limit in force, the longest first. */
  all(now: number): Limit[] {
    return [...this.#limits]
      .flatMap(([id, limit]) => {
        const inForce = settledLimit(limit, now);
        return inForce === undefined ? [] : [{ id, inForce }];
      })
      .toSorted((a, b) => b.inForce.until - a.inForce.until || (a.id < b.id ? -1 : 1))
      .map(({ inForce }) => inForce);
  }

  /** Applies an effect. Returns the new limit; undefined if nothing changes. */
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
    // Requests that were running when it began report the same failure.
    if (inForce !== undefined) return undefined;
    const isRecent = before !== undefined && now - before.until < LEVEL_LASTS_MS;
    const level = (isRecent ? before.level : 0) + 1;
    const until = now + backOffMs(consequence.backOff, level, this.#random);
    return this.#begin(
      { subject, since: now, until, cause: { ...cause, source: 'back-off' }, level },
      inForce,
    );
  }

  /** Adds the limit of an opened circuit. Returns the limit; undefined if nothing changes. */
  open(limit: Limit, now: number): Limit | undefined {
    return this.#begin(limit, this.on(limit.subject, now));
  }

  /** Adopts a limit of another machine. Returns whether anything changes. */
  adopt(limit: Limit, now: number): boolean {
    const inForce = this.on(limit.subject, now);
    if (settledLimit(limit, now) === undefined || inForce?.until === limit.until) return false;
    this.#keep(limit);
    this.#version += 1;
    return true;
  }

  /**
   * Moves the limits of one account to another. Returns the new limits, and the subjects of the old
   * ones.
   */
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

  /** Lifts a limit. Returns false if none is in force. */
  lift(subject: Subject, now: number): boolean {
    if (this.#limits.size === 0) return false;
    const id = subjectId(subject);
    const limit = this.#limits.get(id);
    this.#limits.delete(id);
    if (limit === undefined || settledLimit(limit, now) === undefined) return false;
    this.#version += 1;
    return true;
  }

  /** A report never shortens a limit. */
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
