import { randomBytes } from 'node:crypto';
import { StateUnavailable, type Window, type WindowSnapshot } from '../../state-store.ts';
import { WindowCounts } from '../../window-counts.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { CountAsked } from './lease-messages.ts';
import type { Run } from '../connection/script.ts';

const COUNTS_AT_ONCE = 200;

interface Payment {
  /** By which Redis knows that it was made. */
  readonly mark: string;
  readonly counts: readonly CountAsked[];
}

/**
 * The windows of the pool, counted in Redis. What was counted last is known here too; what is counted
 * while Redis is away is made up for when it is back: added, since the others have counted as well.
 */
export class SharedWindows {
  readonly counts = new WindowCounts();
  readonly #calls: LeaseCalls;
  /** How many leases Redis does not know of, by window. */
  readonly #debts = new Map<string, number>();
  #payments: Payment[] = [];

  constructor(calls: LeaseCalls) {
    this.#calls = calls;
  }

  async used(windows: readonly Window[]): Promise<readonly number[]> {
    try {
      return await Promise.all(windows.map((window) => this.#calls.used(window)));
    } catch (error) {
      if (!(error instanceof StateUnavailable)) throw error;
      return windows.map((window) => this.counts.used(window));
    }
  }

  /** Counts at least `used`. What cannot be said now is said when Redis is back. */
  async raise(window: Window, used: number, run: Run): Promise<void> {
    this.counts.raise(window, used, window.startsAt);
    await orNull(this.#calls.count([{ window, least: used, more: 0 }], null, run));
  }

  /** See `StateStore.snapshot`. Null while Redis is away: what the others have given is not known. */
  snapshot(window: Window, slotId: string): Promise<WindowSnapshot | null> {
    return orNull(this.#calls.snapshot(window, slotId));
  }

  /** See `StateStore.reconcile`. Left undone while Redis is away: the next key check does it. */
  async reconcile(window: Window, used: number, snapshot: WindowSnapshot): Promise<void> {
    const count = await orNull(this.#calls.reconcile(window, used, snapshot));
    if (count !== null) this.counts.set(window, count, window.startsAt);
  }

  /** See `StateStore.transfer`. While Redis is away only what is known here is moved. */
  async transfer(from: Window, to: Window): Promise<void> {
    this.counts.transfer(from, to);
    const count = await orNull(this.#calls.transfer(from, to));
    if (count !== null) this.counts.set(to, count, to.startsAt);
  }

  /** Notes that Redis does not know of one lease in each of these windows. */
  countLater(windows: readonly Window[]): void {
    for (const window of windows) {
      this.#debts.set(nameOf(window), (this.#debts.get(nameOf(window)) ?? 0) + 1);
    }
  }

  /** Tells Redis what was counted here. Rejects with StateUnavailable. */
  async resynchronize(now: number, run: Run): Promise<void> {
    this.#settleAccounts(now);
    for (;;) {
      const [payment] = this.#payments;
      if (payment === undefined) return;
      await this.#calls.count(payment.counts, payment.mark, run);
      this.#payments = this.#payments.filter((other) => other !== payment);
    }
  }

  /** Writes down what is to be told: it counts once, however often it is told. */
  #settleAccounts(now: number): void {
    const counts = this.counts.all(now).map(({ used, ...window }): CountAsked => {
      const more = this.#debts.get(nameOf(window)) ?? 0;
      return { window: { ...window, limit: null }, least: Math.max(0, used - more), more };
    });
    this.#debts.clear();
    for (let from = 0; from < counts.length; from += COUNTS_AT_ONCE) {
      const mark = `count/${randomBytes(12).toString('base64url')}`;
      this.#payments.push({ mark, counts: counts.slice(from, from + COUNTS_AT_ONCE) });
    }
  }
}

/** What Redis answers; null: it is away. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof StateUnavailable) return null;
    throw error;
  }
}

const nameOf = ({ id, startsAt }: Pick<Window, 'id' | 'startsAt'>) => `${startsAt} ${id}`;
