import type { NoKeyData } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import type { Allocation } from './lease-allocator.ts';

/** The most waiting requests: in total, and of one client. */
const MAX_WAITING = 1_000;
const MAX_PER_CLIENT = 200;
/** The queue is served at least this often: a lease may expire without a report. */
const SERVE_EVERY_MS = 1_000;

/** Reasons that end by waiting. */
const ENDING: readonly NoKeyData['reason'][] = [
  'cooling',
  'busy',
  'model_limited',
  'upstream_blocked',
  'state_unavailable',
];

/** Reasons of a circuit breaker that is open, or half-open with a probe under way. */
const OF_CIRCUITS: readonly NoKeyData['reason'][] = ['model_limited', 'upstream_blocked'];

/** The longest waits that a request allows, in milliseconds. */
interface Patience {
  /** For a key. */
  readonly waitMs?: number | undefined;
  /** For a circuit breaker. */
  readonly probeWaitMs?: number | undefined;
}

/** A waiting request. */
export interface WaitingRequest {
  readonly client: string;
  readonly session: number;
  readonly internalId: string;
  readonly waitMs: number;
  /** Tries once more to allocate a lease. */
  readonly attempt: () => Promise<Allocation>;
}

interface Waiting extends WaitingRequest {
  readonly done: PromiseWithResolvers<Allocation>;
  last: Allocation;
}

/**
 * Requests that wait for a key. Each client has its own queue, and the clients take turns, so that
 * a busy client does not delay the others.
 */
export class FairQueue {
  readonly #clock: Clock;
  readonly #queues = new Map<string, Waiting[]>();
  #size = 0;
  #isServing = false;
  #isCalled = false;
  #wakeUp = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of waiting requests. */
  get size(): number {
    return this.#size;
  }

  /**
   * How long a refused request waits, in milliseconds: for a key, or for a circuit breaker's probe.
   */
  static waitFor(refusal: NoKeyData, { waitMs = 0, probeWaitMs = 0 }: Patience): number {
    if (!FairQueue.canHelp(refusal)) return 0;
    const isBrief = (refusal.retryAfterMs ?? Infinity) <= probeWaitMs;
    return isBrief && OF_CIRCUITS.includes(refusal.reason) ? Math.max(waitMs, probeWaitMs) : waitMs;
  }

  /** Whether waiting can end a refusal. */
  static canHelp({ reason, retryAfterMs }: NoKeyData): boolean {
    // Rejected keys have no end, but `kms reload` may add others.
    return reason === 'keys_refused' || (retryAfterMs !== null && ENDING.includes(reason));
  }

  /**
   * Waits until an attempt succeeds, waiting no longer helps, or the time is over. Returns the last
   * result.
   */
  async wait(
    request: WaitingRequest,
    refused: Extract<Allocation, { kind: 'none' }>,
  ): Promise<Allocation> {
    const queue = this.#queues.get(request.client) ?? [];
    if (this.#size >= MAX_WAITING || queue.length >= MAX_PER_CLIENT) {
      const { retryAfterMs } = refused.refusal;
      return { kind: 'none', refusal: { reason: 'queue_full', retryAfterMs } };
    }
    const entry: Waiting = { ...request, done: Promise.withResolvers(), last: refused };
    this.#queues.set(request.client, [...queue, entry]);
    this.#size += 1;
    this.#serveAgain(refused);
    const giveUp = new AbortController();
    this.#clock.sleep(request.waitMs, giveUp.signal).then(
      () => this.#leave(entry),
      () => undefined, // it has left the queue
    );
    const allocation = await entry.done.promise;
    giveUp.abort();
    return allocation;
  }

  /**
   * Removes a request from the queue; it gets its last refusal. Returns whether it was in the
   * queue.
   */
  cancel(session: number, internalId: string): boolean {
    const waiting = [...this.#queues.values()].flat();
    const found = waiting.filter(
      (entry) => entry.session === session && entry.internalId === internalId,
    );
    for (const entry of found) this.#leave(entry);
    return found.length > 0;
  }

  /** Removes every request of a session from the queue. */
  end(session: number): void {
    for (const entry of [...this.#queues.values()].flat()) {
      if (entry.session === session) this.#leave(entry);
    }
  }

  /**
   * Lets the first request of each client try again, the clients in turn. Called after each change
   * of the pool.
   */
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
      while (stuck.size < this.#queues.size) {
        for (const [client, [entry]] of [...this.#queues]) {
          if (entry === undefined || stuck.has(client)) continue;
          if (!(await this.#tryOnce(entry))) stuck.add(client);
        }
      }
    }
  }

  /** Whether the request has left the queue. */
  async #tryOnce(entry: Waiting): Promise<boolean> {
    entry.last = await entry.attempt();
    if (entry.last.kind === 'none' && FairQueue.canHelp(entry.last.refusal)) {
      this.#serveAgain(entry.last);
      return false;
    }
    this.#leave(entry);
    return true;
  }

  #leave(entry: Waiting): void {
    const queue = this.#queues.get(entry.client) ?? [];
    const rest = queue.filter((other) => other !== entry);
    if (rest.length === queue.length) return;
    this.#size -= 1;
    // Deleted and set again, so that the next turn is another client's.
    this.#queues.delete(entry.client);
    if (rest.length > 0) this.#queues.set(entry.client, rest);
    entry.done.resolve(entry.last);
  }

  /** Serves the queue when the refusal ends. */
  #serveAgain(refused: Allocation): void {
    const asked = refused.kind === 'none' ? refused.refusal.retryAfterMs : 0;
    this.#wakeUp.abort();
    this.#wakeUp = new AbortController();
    this.#clock
      .sleep(Math.min(Math.max(asked ?? SERVE_EVERY_MS, 1), SERVE_EVERY_MS), this.#wakeUp.signal)
      .then(
        () => this.serve(),
        () => undefined, // replaced by another timer
      );
  }
}
