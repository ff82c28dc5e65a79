import type { KeyCheck } from '@openrouter-proxy/kms-protocol';
import type { Contact, TroubleKind } from './contact.ts';

/** Less is the time that an answer takes, and clocks that are nearly right. */
const CLOCK_TOLERANCE_MS = 120_000;

/** What is wrong between here and OpenRouter. */
export interface Trouble {
  readonly kind: TroubleKind;
  readonly since: number;
  readonly status: number | null;
  readonly detail: string;
}

/** How far this machine's clock is off. */
export interface ClockError {
  readonly since: number;
  readonly offsetMs: number;
}

/** What follows from a contact: what has become of the trouble, or whether `GET /key` is to tell. */
export type Change = 'unchanged' | 'begins' | 'goes on' | 'ends' | 'doubt';

/** Remembers what the last contact with OpenRouter said, of it and of each key, until another says otherwise. */
export class Contacts {
  readonly #checks = new Map<string, KeyCheck>();
  #trouble: Trouble | null = null;
  #lastAnswerAt: number | null = null;
  #lastAcceptedAt: number | null = null;
  #clockError: ClockError | null = null;

  /** What is wrong; null: nothing, as far as is known. */
  get trouble(): Trouble | null {
    return this.#trouble;
  }

  /** When OpenRouter answered last; null: it has not. */
  get lastAnswerAt(): number | null {
    return this.#lastAnswerAt;
  }

  /** When OpenRouter accepted a key last; null: it has not. */
  get lastAcceptedAt(): number | null {
    return this.#lastAcceptedAt;
  }

  /** Null: the clock is right, as far as is known. */
  get clockError(): ClockError | null {
    return this.#clockError;
  }

  /** What was said last of a key; null: nothing yet. */
  of(keyId: string): KeyCheck | null {
    return this.#checks.get(keyId) ?? null;
  }

  /** Forgets keys that are not among these. */
  keep(keyIds: Iterable<string>): void {
    const kept = new Set(keyIds);
    for (const keyId of this.#checks.keys()) if (!kept.has(keyId)) this.#checks.delete(keyId);
  }

  /** Takes in what a client's request under a key tells. */
  request(keyId: string, contact: Contact, now: number): Change {
    if (contact.kind !== 'trouble') return this.#take(keyId, contact, now);
    // One request may fail for what it sends: `GET /key` tells.
    return this.#trouble === null ? 'doubt' : this.#take(null, contact, now);
  }

  /** Takes in what `GET /key` tells. */
  check(keyId: string, contact: Contact, now: number): Change {
    if (contact.kind === 'trouble') {
      this.#note(keyId, 'unanswered', contact, now);
    }
    return this.#take(keyId, contact, now);
  }

  /** Takes in how far OpenRouter's clock is ahead of this machine's. */
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
    // Silence takes back no refusal: only another answer about the key does.
    if (verdict === 'unanswered' && before?.verdict === 'refused') return;
    const since = before?.verdict === verdict ? before.since : now;
    this.#checks.set(keyId, { verdict, since, at: now, status, detail });
  }
}
