import type { NoKeyData } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import type { Allocation } from './lease-allocator.ts';

/** Requests that may wait: in all, and of one client. */
const MAX_WAITING = 1_000;
const MAX_PER_CLIENT = 200;
/** How often the line is looked at though nothing has been told: a lease may have expired. */
const LOOK_EVERY_MS = 1_000;

/** Reasons that pass by waiting. */
const PASSING: readonly NoKeyData['reason'][] = [
  'cooling',
  'busy',
  'model_limited',
  'upstream_blocked',
  'state_unavailable',
];

/** Reasons of a circuit breaker that is open, or half-open with a probe under way. */
const OF_CIRCUITS: readonly NoKeyData['reason'][] = ['model_limited', 'upstream_blocked'];

/** How long a request may wait, in milliseconds. */
interface Patience {
  /** For a key. */
  readonly waitMs?: number | undefined;
  /** For a circuit breaker. */
  readonly probeWaitMs?: number | undefined;
}

/** One who waits. */
export interface WaitingRequest {
  readonly client: string;
  readonly session: number;
  readonly internalId: string;
  readonly waitMs: number;
  /** Tries once more. */
  readonly attempt: () => Promise<Allocation>;
}

interface Place extends WaitingRequest {
  readonly done: PromiseWithResolvers<Allocation>;
  last: Allocation;
}

/**
 * Requests that wait for a key, in a line for each client; the clients take turns, so that one who asks
 * for much does not keep the others waiting.
 */
export class FairQueue {
  readonly #clock: Clock;
  readonly #lines = new Map<string, Place[]>();
  #size = 0;
  #isServing = false;
  #isCalled = false;
  #wakeUp = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** How long a request that was refused so waits, in milliseconds: for a key, or for a circuit that may close at any moment. */
  static waitFor(refusal: NoKeyData, { waitMs = 0, probeWaitMs = 0 }: Patience): number {
    if (!FairQueue.canHelp(refusal)) return 0;
    const isBrief = (refusal.retryAfterMs ?? Infinity) <= probeWaitMs;
    return isBrief && OF_CIRCUITS.includes(refusal.reason) ? Math.max(waitMs, probeWaitMs) : waitMs;
  }

  /** Whether waiting can help one who was refused so. */
  static canHelp({ reason, retryAfterMs }: NoKeyData): boolean {
    // Refused keys have no time at which they return, but a `kms reload` may bring others meanwhile.
    return reason === 'keys_refused' || (retryAfterMs !== null && PASSING.includes(reason));
  }

  /** Waits until an attempt succeeds, or can no more, or the time is over; gives the last attempt's result. */
  async wait(
    waiter: WaitingRequest,
    refused: Extract<Allocation, { kind: 'none' }>,
  ): Promise<Allocation> {
    const line = this.#lines.get(waiter.client) ?? [];
    if (this.#size >= MAX_WAITING || line.length >= MAX_PER_CLIENT) {
      const { retryAfterMs } = refused.refusal;
      return { kind: 'none', refusal: { reason: 'queue_full', retryAfterMs } };
    }
    const place: Place = { ...waiter, done: Promise.withResolvers(), last: refused };
    this.#lines.set(waiter.client, [...line, place]);
    this.#size += 1;
    this.#lookAgain(refused);
    const giveUp = new AbortController();
    this.#clock.sleep(waiter.waitMs, giveUp.signal).then(
      () => this.#leave(place),
      () => undefined, // it is over
    );
    const lent = await place.done.promise;
    giveUp.abort();
    return lent;
  }

  /** Takes a request out of the line; its wait ends with its last refusal. Whether it was in it. */
  cancel(session: number, internalId: string): boolean {
    const places = [...this.#lines.values()].flat();
    const found = places.filter(
      (place) => place.session === session && place.internalId === internalId,
    );
    for (const place of found) this.#leave(place);
    return found.length > 0;
  }

  /** Takes everybody of a session out of the line. */
  end(session: number): void {
    for (const place of [...this.#lines.values()].flat()) {
      if (place.session === session) this.#leave(place);
    }
  }

  /** Something has changed: whoever is first of a client's line tries again, the clients in turn. */
  serve(): void {
    this.#isCalled = true;
    if (this.#isServing || this.#size === 0) return;
    this.#isServing = true;
    void this.#serveAll().finally(() => (this.#isServing = false));
  }

  async #serveAll(): Promise<void> {
    while (this.#isCalled && this.#size > 0) {
      this.#isCalled = false;
      const stuck = new Set<string>();
      while (stuck.size < this.#lines.size) {
        for (const [client, [place]] of [...this.#lines]) {
          if (place === undefined || stuck.has(client)) continue;
          if (!(await this.#tryOnce(place))) stuck.add(client);
        }
      }
    }
  }

  /** Whether the place has left the line. */
  async #tryOnce(place: Place): Promise<boolean> {
    place.last = await place.attempt();
    if (place.last.kind === 'none' && FairQueue.canHelp(place.last.refusal)) {
      this.#lookAgain(place.last);
      return false;
    }
    this.#leave(place);
    return true;
  }

  #leave(place: Place): void {
    const line = this.#lines.get(place.client) ?? [];
    const rest = line.filter((other) => other !== place);
    if (rest.length === line.length) return;
    this.#size -= 1;
    // Deleted and set again, so that the next turn is another client's.
    this.#lines.delete(place.client);
    if (rest.length > 0) this.#lines.set(place.client, rest);
    place.done.resolve(place.last);
  }

  /** Looks when the refusal says that a key may be free. */
  #lookAgain(refused: Allocation): void {
    const asked = refused.kind === 'none' ? refused.refusal.retryAfterMs : 0;
    this.#wakeUp.abort();
    this.#wakeUp = new AbortController();
    this.#clock
      .sleep(Math.min(Math.max(asked ?? LOOK_EVERY_MS, 1), LOOK_EVERY_MS), this.#wakeUp.signal)
      .then(
        () => this.serve(),
        () => undefined, // another look comes
      );
  }
}
