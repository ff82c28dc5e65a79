import { randomBytes } from 'node:crypto';
import { StateUnavailable, type Window, type WindowSnapshot } from '../../state-store.ts';
import { WindowCounts } from '../../window-counts.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { CountAsked } from './lease-messages.ts';
import type { Run } from '../connection/script.ts';

const COUNTS_AT_ONCE = 200;

interface Payment {
  /** Makes Redis count the batch only once. */
  readonly mark: string;
  readonly counts: readonly CountAsked[];
}

/**
 * The windows of the pool, counted in Redis, with a copy of the last counts. Leases given during an
 * outage are added to the counts afterwards.
 */
export class SharedWindows {
  readonly counts = new WindowCounts();
  readonly #calls: LeaseCalls;
  /** The number of leases that Redis has not counted, by window. */
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

  /** Raises a count to at least `used`. During an outage, Redis is told when it ends. */
  async raise(window: Window, used: number, run: Run): Promise<void> {
    this.counts.raise(window, used, window.startsAt);
    await orNull(this.#calls.count([{ window, least: used, more: 0 }], null, run));
  }

  /** See `StateStore.snapshot`. Null during an outage: the leases of other machines are unknown. */
  snapshot(window: Window, slotId: string): Promise<WindowSnapshot | null> {
    return orNull(this.#calls.snapshot(window, slotId));
  }

  /** See `StateStore.reconcile`. Skipped during an outage: the next key check does it. */
  async reconcile(window: Window, used: number, snapshot: WindowSnapshot): Promise<void> {
    const count = await orNull(this.#calls.reconcile(window, used, snapshot));
    if (count !== null) this.counts.set(window, count, window.startsAt);
  }

  /** See `StateStore.transfer`. During an outage only the copy is moved. */
  async transfer(from: Window, to: Window): Promise<void> {
    this.counts.transfer(from, to);
    const count = await orNull(this.#calls.transfer(from, to));
    if (count !== null) this.counts.set(to, count, to.startsAt);
  }

  /** Notes one lease in each of these windows that Redis has not counted. */
  countLater(windows: readonly Window[]): void {
    for (const window of windows) {
      this.#debts.set(nameOf(window), (this.#debts.get(nameOf(window)) ?? 0) + 1);
    }
  }

  /** Adds the missing leases to Redis' counts. Rejects with StateUnavailable. */
  async resynchronize(now: number, run: Run): Promise<void> {
    this.#settleAccounts(now);
    for (;;) {
      const [payment] = this.#payments;
      if (payment === undefined) return;
      await this.#calls.count(payment.counts, payment.mark, run);
      this.#payments = this.#payments.filter((other) => other !== payment);
    }
  }

  /** Prepares the batches. Each counts once, however often it is sent. */
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

/** The answer of Redis; null during an outage. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof StateUnavailable) return null;
    throw error;
  }
}

const nameOf = ({ id, startsAt }: Pick<Window, 'id' | 'startsAt'>) => `${startsAt} ${id}`;
