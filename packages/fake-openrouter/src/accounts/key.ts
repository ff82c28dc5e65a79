import { hash, randomBytes } from 'node:crypto';
import type { Account } from './account.ts';

/** How often a key's spending cap starts anew (UTC day, week from Monday, calendar month). */
export type LimitReset = 'daily' | 'weekly' | 'monthly';

/** What a key may be given. */
export interface KeyOptions {
  name?: string;
  /** The spending cap in US dollars; null: none. */
  limit?: number | null;
  limitReset?: LimitReset | null;
  /** It manages other keys; OpenRouter serves no inference under it. */
  isManagement?: boolean;
}

/** A key of an account. */
export interface Key {
  readonly secret: string;
  readonly name: string;
  readonly account: Account;
  limit: number | null;
  limitReset: LimitReset | null;
  /** Spent since `windowStart`. */
  spent: number;
  windowStart: number;
  usage: number;
  isManagement: boolean;
  /** Revoked or expired: OpenRouter does not know it any more. */
  revoked: boolean;
}

/** A value in the form of OpenRouter's keys, new at each call. */
export function newSecret(): string {
  return `sk-or-v1-${randomBytes(32).toString('hex')}`;
}

/** Creates a key of an account. */
export function createKey(account: Account, name: string, options: KeyOptions = {}): Key {
  const { limit = null, limitReset = null, isManagement = false } = options;
  return {
    secret: newSecret(),
    name: options.name ?? name,
    account,
    limit,
    limitReset,
    spent: 0,
    windowStart: 0,
    usage: 0,
    isManagement,
    revoked: false,
  };
}

function windowStart(reset: LimitReset | null, now: number): number {
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (reset) {
    case null:
      return 0;
    case 'daily':
      return Date.UTC(year, month, day);
    case 'weekly':
      return Date.UTC(year, month, day - ((date.getUTCDay() + 6) % 7));
    case 'monthly':
      return Date.UTC(year, month, 1);
  }
}

/** What is left of a key's cap; null: no cap. */
export function limitRemaining(key: Key, now: number): number | null {
  const start = windowStart(key.limitReset, now);
  if (start !== key.windowStart) {
    key.windowStart = start;
    key.spent = 0;
  }
  return key.limit === null ? null : Math.max(0, key.limit - key.spent);
}

/** Charges a request to the key and its account. */
export function charge(key: Key, cost: number, now: number): void {
  limitRemaining(key, now);
  key.spent += cost;
  key.usage += cost;
  key.account.credits -= cost;
}

/** The hash by which OpenRouter names a key in its links. */
export function keyHash(key: Key): string {
  return hash('sha256', key.secret);
}

/** `sk-or-v1-abc...xyz`, as OpenRouter shows a key. */
export function keyLabel({ secret }: Key): string {
  return `${secret.slice(0, 12)}...${secret.slice(-3)}`;
}
