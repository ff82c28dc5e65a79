import type { KeyCheck } from '@openrouter-proxy/kms-protocol';
import type { Contact, TroubleKind } from './contact.ts';

/** Smaller differences come from latency and small clock errors. */
const CLOCK_TOLERANCE_MS = 120_000;

/** A failure between this machine and OpenRouter. */
export interface Trouble {
  readonly kind: TroubleKind;
  readonly since: number;
  readonly status: number | null;
  readonly detail: string;
}

/** The error of this machine's clock. */
export interface ClockError {
  readonly since: number;
  readonly offsetMs: number;
}

/** The change after a contact; `doubt` asks for a key check. */
export type Change = 'unchanged' | 'begins' | 'goes on' | 'ends' | 'doubt';

/** Remembers the last contact with OpenRouter, in general and for each key. */
export class Contacts {
  readonly #checks = new Map<string, KeyCheck>();
  #trouble: Trouble | null = null;
  #lastAnswerAt: number | null = null;
  #lastAcceptedAt: number | null = null;
  #clockError: ClockError | null = null;

  /** The current failure; null if none is known. */
  get trouble(): Trouble | null {
    return this.#trouble;
  }

  /** The time of OpenRouter's last answer; null without one. */
  get lastAnswerAt(): number | null {
    return this.#lastAnswerAt;
  }

  /** The time at which OpenRouter last accepted a key; null if it never has. */
  get lastAcceptedAt(): number | null {
    return this.#lastAcceptedAt;
  }

  /** Null if the clock is right, as far as known. */
  get clockError(): ClockError | null {
    return this.#clockError;
  }

  /** The last verdict on a key; null without one. */
  of(keyId: string): KeyCheck | null {
    return this.#checks.get(keyId) ?? null;
  }

  /** Forgets all other keys. */
  keep(keyIds: Iterable<string>): void {
    const kept = new Set(keyIds);
    for (const keyId of this.#checks.keys()) if (!kept.has(keyId)) this.#checks.delete(keyId);
  }

  /** Notes a client's request under a key. */
  request(keyId: string, contact: Contact, now: number): Change {
    if (contact.kind !== 'trouble') return this.#take(keyId, contact, now);
    // One request may fail because of its content: `GET /key` finds out.
    return this.#trouble === null ? 'doubt' : this.#take(null, contact, now);
  }

  /** Notes a key check. */
  check(keyId: string, contact: Contact, now: number): Change {
    if (contact.kind === 'trouble') {
      this.#note(keyId, 'unanswered', contact, now);
    }
    return this.#take(keyId, contact, now);
  }

  /** Notes how far OpenRouter's clock is ahead of this machine's. */
  clock(offsetMs: number, now: number): void {
    if (Math.abs(offsetMs) < CLOCK_TOLERANCE_MS) this.#clockError = null;
    else this.#clockError = { since: this.#clockError?.since ?? now, offsetMs };
  }

  #take(keyId: string | null, contact: Contact, now: number): Change {
    if (contact.kind === 'none') return 'unchanged';
    if (contact.kind === 'doubt') return 'doubt';
    if (contact.kind === 'trouble') {
      const { trouble: kind, status, detail } = contact;
      const before = this.#trouble;
      const since = before?.kind === kind ? before.since : now;
      this.#trouble = { kind, since, status, detail };
      return before === null ? 'begins' : 'goes on';
    }
    this.#lastAnswerAt = now;
    if (contact.key === 'accepted') this.#lastAcceptedAt = now;
    if (keyId !== null && contact.key !== 'unknown') this.#note(keyId, contact.key, contact, now);
    if (this.#trouble === null) return 'unchanged';
    this.#trouble = null;
    return 'ends';
  }

  #note(
    keyId: string,
    verdict: KeyCheck['verdict'],
    { status, detail }: { status: number | null; detail: string },
    now: number,
  ): void {
    const before = this.#checks.get(keyId);
    // A missing answer does not end a rejection: only another answer about the key does.
    if (verdict === 'unanswered' && before?.verdict === 'refused') return;
    const since = before?.verdict === verdict ? before.since : now;
    this.#checks.set(keyId, { verdict, since, at: now, status, detail });
  }
}
