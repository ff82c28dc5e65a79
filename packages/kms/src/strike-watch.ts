import type { PoolKey } from './key-records.ts';

const WITHIN_MS = 10_000;
const ACCOUNTS = 3;

interface Strike {
  readonly key: PoolKey;
  readonly account: string;
  readonly at: number;
}

/** Tells a key that OpenRouter no longer knows from a trouble in which it knows none. */
export class StrikeWatch {
  #strikes: Strike[] = [];

  /**
   * Notes that a key was refused. When keys of several accounts were within moments, or those of all
   * accounts if there are fewer, gives the keys; else null. A key that OpenRouter accepted meanwhile
   * (`acceptedAt`) tells that the others were refused for their own sake.
   */
  add(
    key: PoolKey,
    account: string,
    accountsInPool: number,
    now: number,
    acceptedAt: number | null,
  ): PoolKey[] | null {
    const isRecent = ({ at }: Strike) => at <= now && now - at < WITHIN_MS;
    this.#strikes = [...this.#strikes.filter(isRecent), { key, account, at: now }].slice(-1_000);
    const accounts = new Set(this.#strikes.map((strike) => strike.account));
    const many = Math.max(2, Math.min(ACCOUNTS, accountsInPool));
    if (accounts.size < many) return null;
    if (acceptedAt !== null && acceptedAt > (this.#strikes[0]?.at ?? now)) return null;
    return [...new Set(this.#strikes.map((strike) => strike.key))];
  }
}
