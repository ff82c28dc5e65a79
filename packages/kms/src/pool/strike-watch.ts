import type { PoolKey } from '../keys/key-records.ts';
import type { Requester } from '../circuits/requester.ts';

const WITHIN_MS = 10_000;
const ACCOUNTS = 3;
const MAX_STRIKES = 1_000;

/** A key was refused. */
interface Strike {
  readonly key: PoolKey;
  readonly account: string;
  readonly requester: Requester;
  readonly at: number;
}

/** Tells a key that OpenRouter no longer knows from a trouble in which it knows none. */
export class StrikeWatch {
  #strikes: Strike[] = [];

  /**
   * Notes that a key was refused. When keys of several accounts were within moments, or those of all
   * accounts if there are fewer, gives the strikes; else null. A key that OpenRouter accepted meanwhile
   * (`acceptedAt`) tells that the others were refused for their own sake.
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
