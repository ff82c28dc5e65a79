import { HOUR_MS, MINUTE_MS } from '@openrouter-proxy/runtime';
/** The next and the last check of a key, in milliseconds since the epoch. */
interface Entry {
  readonly last: number | null;
  readonly next: number;
}

/**
 * The schedule of key checks. Each key is checked at the start, then every hour ±6 minutes. A
 * requested check comes sooner, but not within a minute of the last one. A repeated check has no
 * such minimum.
 */
export class CheckSchedule {
  readonly #entries = new Map<string, Entry>();
  readonly #random: () => number;

  constructor(keyIds: readonly string[], now: number, random: () => number) {
    this.#random = random;
    for (const keyId of keyIds) this.#entries.set(keyId, { last: null, next: now });
  }

  /** Replaces the keys. New keys are checked at once, the others when they are due. */
  keep(keyIds: readonly string[], now: number): void {
    const wanted = new Set(keyIds);
    for (const keyId of this.#entries.keys()) if (!wanted.has(keyId)) this.#entries.delete(keyId);
    for (const keyId of keyIds) {
      if (!this.#entries.has(keyId)) this.#entries.set(keyId, { last: null, next: now });
    }
  }

  /** Requests a check at `at` or sooner, but not within a minute of the last one. */
  request(keyId: string, at: number): void {
    const entry = this.#entries.get(keyId);
    if (entry === undefined) return;
    const earliest = entry.last === null ? at : Math.max(at, entry.last + MINUTE_MS);
    this.#entries.set(keyId, { ...entry, next: Math.min(entry.next, earliest) });
  }

  /** Repeats a check at `at` or sooner. */
  repeat(keyId: string, at: number): void {
    const entry = this.#entries.get(keyId);
    if (entry !== undefined) {
      this.#entries.set(keyId, { ...entry, next: Math.min(entry.next, at) });
    }
  }

  /** Whether a key may be checked at `now`, when one check within `everyMs` is enough. */
  mayCheck(keyId: string, now: number, everyMs: number): boolean {
    const last = this.#entries.get(keyId)?.last;
    return last === null || (last !== undefined && (now - last >= everyMs || last > now));
  }

  /** Takes the key that is due first; undefined if none is due. */
  take(now: number): string | undefined {
    this.#followClock(now);
    const [first] = this.#soonest();
    if (first === undefined || first.next > now) return undefined;
    const hour = HOUR_MS * (0.9 + 0.2 * this.#random());
    this.#entries.set(first.keyId, { last: now, next: now + hour });
    return first.keyId;
  }

  /** When the next key is due; Infinity without keys. */
  nextAt(): number {
    return this.#soonest()[0]?.next ?? Infinity;
  }

  /** Makes keys due whose last check is in the future: the clock was set back. */
  #followClock(now: number): void {
    for (const [keyId, { last }] of this.#entries) {
      if (last !== null && last > now) this.#entries.set(keyId, { last: null, next: now });
    }
  }

  #soonest(): { keyId: string; next: number }[] {
    let soonest: { keyId: string; next: number } | undefined;
    for (const [keyId, { next }] of this.#entries) {
      if (soonest === undefined || next < soonest.next) soonest = { keyId, next };
    }
    return soonest === undefined ? [] : [soonest];
  }
}
