import { randomBytes } from 'node:crypto';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** What an account may do with `:free` models, and how much money it has. */
export interface AccountOptions {
  /** US dollars; default 100. Below zero nothing is served, not even free models. */
  credits?: number;
  /** Free requests a minute; default 20. */
  freePerMinute?: number;
  /** Free requests a UTC day; default 1000 (50 for accounts that bought less than 10 credits). */
  freePerDay?: number;
}

/** An account: the owner of keys, and of the limits on free models. */
export interface Account {
  readonly userId: string;
  credits: number;
  freePerMinute: number;
  freePerDay: number;
  /** Free requests counted, refused ones too, in the window that begins at `start`. */
  readonly minute: { start: number; used: number };
  readonly day: { start: number; used: number };
}

/** A free limit that is reached. */
export interface FreeLimit {
  window: 'minute' | 'day';
  limit: number;
  /** When the window ends, milliseconds since the epoch. */
  resetAt: number;
}

/** Creates an account. */
export function createAccount(options: AccountOptions = {}): Account {
  const { credits = 100, freePerMinute = 20, freePerDay = 1000 } = options;
  return {
    userId: `user_${randomBytes(12).toString('hex')}`,
    credits,
    freePerMinute,
    freePerDay,
    minute: { start: 0, used: 0 },
    day: { start: 0, used: 0 },
  };
}

function count(window: Account['minute'], length: number, now: number): number {
  const start = Math.floor(now / length) * length;
  if (window.start !== start) {
    window.start = start;
    window.used = 0;
  }
  window.used += 1;
  return window.used;
}

/** Counts a free request; gives the limit it runs into. Refused requests count too, as with OpenRouter. */
export function countFreeRequest(account: Account, now: number): FreeLimit | undefined {
  const inMinute = count(account.minute, MINUTE, now);
  const inDay = count(account.day, DAY, now);
  if (inDay > account.freePerDay) {
    return { window: 'day', limit: account.freePerDay, resetAt: account.day.start + DAY };
  }
  if (inMinute > account.freePerMinute) {
    return {
      window: 'minute',
      limit: account.freePerMinute,
      resetAt: account.minute.start + MINUTE,
    };
  }
  return undefined;
}

/** Free requests used in the UTC day of `now`. */
export function freeUsedToday(account: Account, now: number): number {
  return account.day.start === Math.floor(now / DAY) * DAY ? account.day.used : 0;
}
