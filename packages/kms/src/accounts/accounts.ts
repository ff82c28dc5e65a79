import { DAY_MS, MINUTE_MS } from '@openrouter-proxy/runtime';
import { createHash } from 'node:crypto';
import type { Window } from '../store/state-store.ts';

/** The number of `:free` requests that OpenRouter allows an account. Null if it is unknown. */
export interface FreeAllowance {
  readonly minute: number;
  readonly day: number | null;
}

/** A request may reach OpenRouter this much later than its lease was given. */
const LANDING_MS = 2_000;

/** A name for an account that does not reveal its owner. */
export function accountName(owner: string): string {
  return `acct-${createHash('sha256').update(owner).digest('hex').slice(0, 8)}`;
}

/**
 * The windows in which OpenRouter may count a request to a `:free` model that is leased at `now`:
 * the minute and the UTC day in which it may arrive (OpenRouter docs, "Limits").
 */
export function windowsAt(account: string, allowance: FreeAllowance, now: number): Window[] {
  const of = (kind: 'minute' | 'day', length: number, limit: number | null): Window[] => {
    const starts = [now, now + LANDING_MS].map((at) => Math.floor(at / length) * length);
    return [...new Set(starts)].map((startsAt) => ({
      id: `${account}/${kind}`,
      startsAt,
      endsAt: startsAt + length,
      limit,
    }));
  };
  return [...of('minute', MINUTE_MS, allowance.minute), ...of('day', DAY_MS, allowance.day)];
}

/** The current minute and UTC day of an account. */
export function currentWindows(
  account: string,
  allowance: FreeAllowance,
  now: number,
): { minute: Window; day: Window } {
  const of = (kind: 'minute' | 'day', length: number, limit: number | null): Window => {
    const startsAt = Math.floor(now / length) * length;
    return { id: `${account}/${kind}`, startsAt, endsAt: startsAt + length, limit };
  };
  return {
    minute: of('minute', MINUTE_MS, allowance.minute),
    day: of('day', DAY_MS, allowance.day),
  };
}

/** The allowance that OpenRouter has stated for an account. */
interface Learnt {
  readonly minute?: number;
  readonly day?: number;
}

/** The allowances of accounts for `:free` models: as configured, else as OpenRouter has stated. */
export class Allowances {
  readonly #configured: FreeAllowance;
  readonly #learnt = new Map<string, Learnt>();

  constructor(configured: FreeAllowance, kept: Iterable<readonly [string, Learnt]> = []) {
    this.#configured = configured;
    for (const [account, learnt] of kept) this.#learnt.set(account, learnt);
  }

  of(account: string): FreeAllowance {
    const { minute, day } = this.#configured;
    const learnt = this.#learnt.get(account);
    return { minute: learnt?.minute ?? minute, day: day ?? learnt?.day ?? null };
  }

  /**
   * Moves the learned allowance of one account to another, which keeps its own figures. Returns the
   * result.
   */
  move(from: string, to: string): Learnt | undefined {
    const before = this.#learnt.get(from);
    if (before === undefined) return undefined;
    this.#learnt.delete(from);
    const learnt = { ...before, ...this.#learnt.get(to) };
    this.#learnt.set(to, learnt);
    return learnt;
  }

  /** The learned allowance of each account. */
  learnt(): [account: string, Learnt][] {
    return [...this.#learnt];
  }

  /** Returns the account's learned allowance, or undefined if nothing changed. */
  learn(account: string, window: 'minute' | 'day', limit: number): Learnt | undefined {
    const before = this.#learnt.get(account);
    if (before?.[window] === limit) return undefined;
    const learnt = { ...before, [window]: limit };
    this.#learnt.set(account, learnt);
    return learnt;
  }
}
