import { DAY_MS, MINUTE_MS } from '@openrouter-proxy/runtime';
import { createHash } from 'node:crypto';
import type { Window } from '../store/state-store.ts';

/** How many `:free` requests OpenRouter allows an account. Null: not known. */
export interface FreeAllowance {
  readonly minute: number;
  readonly day: number | null;
}

/** A request may reach OpenRouter so much later than its lease was given. */
const LANDING_MS = 2_000;

/** A name for an account that tells nothing of its owner. */
export function accountName(owner: string): string {
  return `acct-${createHash('sha256').update(owner).digest('hex').slice(0, 8)}`;
}

/**
 * The windows that a request to a `:free` model, leased at `now`, may count in at OpenRouter: those of
 * the minute and of the UTC day in which it may land (OpenRouter docs, "Limits").
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

/** The present minute and UTC day of an account. */
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

/** What an account was found to be allowed. */
interface Learnt {
  readonly minute?: number;
  readonly day?: number;
}

/** What an account may do with `:free` models: as configured, else as OpenRouter has said. */
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

  /** What was learnt of an account is of another, of which less may be known; what is known of that now. */
  move(from: string, to: string): Learnt | undefined {
    const before = this.#learnt.get(from);
    if (before === undefined) return undefined;
    this.#learnt.delete(from);
    const learnt = { ...before, ...this.#learnt.get(to) };
    this.#learnt.set(to, learnt);
    return learnt;
  }

  /** What was learnt of each account. */
  learnt(): [account: string, Learnt][] {
    return [...this.#learnt];
  }

  /** What is known of the account now; undefined if it was known before. */
  learn(account: string, window: 'minute' | 'day', limit: number): Learnt | undefined {
    const before = this.#learnt.get(account);
    if (before?.[window] === limit) return undefined;
    const learnt = { ...before, [window]: limit };
    this.#learnt.set(account, learnt);
    return learnt;
  }
}
