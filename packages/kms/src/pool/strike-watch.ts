import type { PoolKey } from '../keys/key-records.ts';
import type { Requester } from '../circuits/requester.ts';

const WITHIN_MS = 10_000;
const ACCOUNTS = 3;
const MAX_STRIKES = 1_000;

/** A key that was rejected with 401. */
interface Strike {
  readonly key: PoolKey;
  readonly account: string;
  readonly requester: Requester;
  readonly at: number;
}

/** Tells a rejected key from a problem that rejects every key. */
export class StrikeWatch {
  #strikes: Strike[] = [];

  /**
   * Adds a strike. Returns the recent strikes if they are of several accounts (of all, if there are
   * fewer), else null. Also null if OpenRouter accepted a key since the first of them
   * (`acceptedAt`).
   */
  add(strike: Strike, accountsInPool: number, acceptedAt: number | null): Strike[] | null {
    const { at: now } = strike;
    const isRecent = ({ at }: Strike) => at <= now && now - at < WITHIN_MS;
    this.#strikes = [...this.#strikes.filter(isRecent), strike].slice(-MAX_STRIKES);
    const accounts = new Set(this.#strikes.map(({ account }) => account));
    const many = Math.max(2, Math.min(ACCOUNTS, accountsInPool));
    if (accounts.size < many) return null;
    if (acceptedAt !== null && acceptedAt > (this.#strikes[0]?.at ?? now)) return null;
    return this.#strikes;
  }
}
