import { HOUR_MS, MINUTE_MS } from '@openrouter-proxy/runtime';
/** When something is to happen next, and when it last did; milliseconds since the epoch. */
interface Entry {
  readonly last: number | null;
  readonly next: number;
}

/**
 * When to ask OpenRouter about which key: each at the start, then every hour, give or take six minutes;
 * sooner when somebody wants to know, though then not twice within a minute; and when a check that did
 * not find all well is to be repeated.
 */
export class CheckSchedule {
  readonly #entries = new Map<string, Entry>();
  readonly #random: () => number;

  constructor(keyIds: readonly string[], now: number, random: () => number) {
    this.#random = random;
    for (const keyId of keyIds) this.#entries.set(keyId, { last: null, next: now });
  }

  /** Keeps to these keys: those that are new are asked about soon, the others when they were to be. */
  keep(keyIds: readonly string[], now: number): void {
    const wanted = new Set(keyIds);
    for (const keyId of this.#entries.keys()) if (!wanted.has(keyId)) this.#entries.delete(keyId);
    for (const keyId of keyIds) {
      if (!this.#entries.has(keyId)) this.#entries.set(keyId, { last: null, next: now });
    }
  }

  /** Asks for a key to be inspected at `at`, if not sooner, nor within a minute of the last time. */
  request(keyId: string, at: number): void {
    const entry = this.#entries.get(keyId);
    if (entry === undefined) return;
    const earliest = entry.last === null ? at : Math.max(at, entry.last + MINUTE_MS);
    this.#entries.set(keyId, { ...entry, next: Math.min(entry.next, earliest) });
  }

  /** Has a check repeated at `at`, if not sooner. */
  repeat(keyId: string, at: number): void {
    const entry = this.#entries.get(keyId);
    if (entry !== undefined) {
      this.#entries.set(keyId, { ...entry, next: Math.min(entry.next, at) });
    }
  }

  /** Whether a key may be inspected at `now`, if once in `everyMs` is enough. */
  mayCheck(keyId: string, now: number, everyMs: number): boolean {
    const last = this.#entries.get(keyId)?.last;
    return last === null || (last !== undefined && (now - last >= everyMs || last > now));
  }

  /** Takes the key that is due first; undefined if none is. */
  take(now: number): string | undefined {
    this.#followClock(now);
    const [first] = this.#soonest();
    if (first === undefined || first.next > now) return undefined;
    const hour = HOUR_MS * (0.9 + 0.2 * this.#random());
    this.#entries.set(first.keyId, { last: now, next: now + hour });
    return first.keyId;
  }

  /** When the next key is due; Infinity if there are none. */
  nextAt(): number {
    return this.#soonest()[0]?.next ?? Infinity;
  }

  /** Keys that were asked about in the future, before the clock was set back, are due. */
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
