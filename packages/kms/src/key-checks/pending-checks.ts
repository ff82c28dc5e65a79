import type { Clock } from '@openrouter-proxy/runtime';
import { CheckSchedule } from './check-schedule.ts';

/** The longest wait of a client's request for a key check. */
const ANSWER_MS = 2_000;
/** A check without a result after this time is given to another gateway. */
const LOST_AFTER_MS = 30_000;
/** Checks that run at the same time: a round of a hundred keys takes a few seconds. */
const AT_ONCE = 16;

/** Options of PendingChecks. */
export interface PendingChecksDeps {
  readonly keyIds: readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
}

/** A key whose check is running. */
interface HandedOut {
  readonly session: number;
  readonly since: number;
}

/** A key to check, unless it was checked within `everyMs`. */
interface Question {
  readonly keyId: string;
  readonly everyMs: number;
}

interface Asker {
  readonly session: number;
  readonly resolve: (keyId: string | null) => void;
}

/** Hands keys that are due for a check to the gateways that wait for one. */
export class PendingChecks {
  readonly #clock: Clock;
  readonly #schedule: CheckSchedule;
  readonly #askers = new Set<Asker>();
  readonly #handedOut = new Map<string, HandedOut>();
  readonly #watchers = new Map<string, Set<() => void>>();
  #wakeUp = new AbortController();

  constructor({ keyIds, clock, random }: PendingChecksDeps) {
    this.#clock = clock;
    this.#schedule = new CheckSchedule(keyIds, clock.now(), random);
  }

  /** Waits until a key is due; null if none was within `waitMs`, or the session has ended. */
  async take(session: number, waitMs: number): Promise<string | null> {
    const { promise, resolve } = Promise.withResolvers<string | null>();
    const asker = { session, resolve };
    this.#askers.add(asker);
    this.#handOut();
    const giveUp = new AbortController();
    const timeout = this.#clock.sleep(waitMs, giveUp.signal).then(
      () => null,
      () => null, // a key came first
    );
    const keyId = await Promise.race([promise, timeout]);
    giveUp.abort();
    this.#askers.delete(asker);
    return keyId;
  }

  /** Ends the waits of a session. Its running checks are given to other gateways. */
  end(session: number): void {
    for (const asker of this.#askers) if (asker.session === session) asker.resolve(null);
    for (const [keyId, by] of this.#handedOut) if (by.session === session) this.#lost(keyId);
    this.#handOut();
  }

  /** Replaces the keys. */
  keep(keyIds: readonly string[]): void {
    this.#schedule.keep(keyIds, this.#clock.now());
    this.#handOut();
  }

  /** Requests a check at `at` or sooner, but not within a minute of the last one. */
  request(keyId: string, at: number): void {
    this.#schedule.request(keyId, at);
    this.#handOut();
  }

  /** Repeats a check at `at` or sooner. */
  repeat(keyId: string, at: number): void {
    this.#schedule.repeat(keyId, at);
    this.#handOut();
  }

  /** Notes the end of a check. */
  done(keyId: string): void {
    this.#handedOut.delete(keyId);
    for (const tell of this.#watchers.get(keyId) ?? []) tell();
    this.#watchers.delete(keyId);
    this.#handOut();
  }

  /**
   * Checks at most `most` keys now, each at most once within its `everyMs`. Returns whether any
   * check ended within two seconds.
   */
  async checkAny(keys: readonly Question[], most: number): Promise<boolean> {
    const now = this.#clock.now();
    const asked = keys
      .filter(
        ({ keyId, everyMs }) =>
          this.#handedOut.has(keyId) || this.#schedule.mayCheck(keyId, now, everyMs),
      )
      .slice(0, most)
      .map(({ keyId }) => keyId);
    return (await this.#ask(asked, 1)) > 0;
  }

  /**
   * Checks keys now, each at most once within its `everyMs`. Resolves when all checks have ended,
   * after two seconds at the latest. Checks that have run for longer than that are not waited for.
   */
  async checkEach(keys: readonly Question[]): Promise<void> {
    const now = this.#clock.now();
    const asked = keys.filter(({ keyId, everyMs }) => {
      const since = this.#handedOut.get(keyId)?.since;
      if (since !== undefined) return now - since < ANSWER_MS;
      return this.#schedule.mayCheck(keyId, now, everyMs);
    });
    await this.#ask(
      asked.map(({ keyId }) => keyId),
      asked.length,
    );
  }

  /** Waits up to two seconds for `enough` answers. Returns their number. */
  async #ask(asked: readonly string[], enough: number): Promise<number> {
    const now = this.#clock.now();
    const isUnderWay = asked.some((keyId) => this.#handedOut.has(keyId));
    if (asked.length === 0 || (this.#askers.size === 0 && !isUnderWay)) return 0;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    let answers = 0;
    const tell = () => {
      answers += 1;
      if (answers >= enough) resolve(undefined);
    };
    for (const keyId of asked) {
      const watchers = this.#watchers.get(keyId) ?? new Set();
      this.#watchers.set(keyId, watchers.add(tell));
      if (!this.#handedOut.has(keyId)) this.#schedule.repeat(keyId, now);
    }
    this.#handOut();
    const giveUp = new AbortController();
    const late = this.#clock.sleep(ANSWER_MS, giveUp.signal).catch(() => undefined);
    await Promise.race([promise, late]);
    giveUp.abort();
    for (const keyId of asked) this.#watchers.get(keyId)?.delete(tell);
    return answers;
  }

  #handOut(): void {
    this.#wakeUp.abort();
    const now = this.#clock.now();
    for (const [keyId, { since }] of this.#handedOut) {
      if (now - since >= LOST_AFTER_MS || since > now) this.#lost(keyId);
    }
    for (const asker of this.#askers) {
      const keyId = this.#handedOut.size < AT_ONCE ? this.#schedule.take(now) : undefined;
      if (keyId === undefined) break;
      this.#handedOut.set(keyId, { session: asker.session, since: now });
      this.#askers.delete(asker);
      asker.resolve(keyId);
    }
    if (this.#askers.size > 0) this.#wakeUpWhenDue(now);
  }

  #lost(keyId: string): void {
    this.#handedOut.delete(keyId);
    this.#schedule.repeat(keyId, this.#clock.now());
  }

  #wakeUpWhenDue(now: number): void {
    const ms = Math.min(Math.max(this.#schedule.nextAt() - now, 10), LOST_AFTER_MS);
    this.#wakeUp = new AbortController();
    this.#clock.sleep(ms, this.#wakeUp.signal).then(
      () => this.#handOut(),
      () => undefined, // replaced by another timer
    );
  }
}
