import type { Method } from './contract.ts';
import type { KmsError } from './kms-error.ts';

/** When to stop waiting for an answer. */
export interface CallOptions {
  /** Gives the call up: it fails with UNAVAILABLE. */
  signal?: AbortSignal;
  /** From the call to its answer, waiting for a connection included; milliseconds. */
  timeoutMs?: number;
}

/** Why a caller no longer waits. */
export type GivenUp = { why: 'timeout'; timeoutMs: number } | { why: 'abort'; reason: unknown };

/** One call, until its caller has an answer or gives up. */
export class PendingCall {
  readonly method: Method;
  readonly params: unknown;
  readonly #outcome = Promise.withResolvers<unknown>();
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #giveUp: (givenUp: GivenUp) => void;
  #settled = false;

  /** `onGivenUp` returns the error for the caller. */
  constructor(
    method: Method,
    params: unknown,
    { signal, timeoutMs }: CallOptions & { timeoutMs: number },
    onGivenUp: (call: PendingCall, givenUp: GivenUp) => KmsError,
  ) {
    this.method = method;
    this.params = params;
    this.#giveUp = (givenUp) => this.reject(onGivenUp(this, givenUp));
    this.#timer = setTimeout(() => this.#giveUp({ why: 'timeout', timeoutMs }), timeoutMs);
    this.#signal = signal;
    signal?.addEventListener('abort', this);
  }

  /** The answer for the caller. */
  get outcome(): Promise<unknown> {
    return this.#outcome.promise;
  }

  /** Whether the caller has an answer, or has given up. */
  get settled(): boolean {
    return this.#settled;
  }

  resolve(result: unknown): void {
    this.#settle();
    this.#outcome.resolve(result);
  }

  reject(error: KmsError): void {
    this.#settle();
    this.#outcome.reject(error);
  }

  /** The signal's event: the call is its own listener, which costs no closure. */
  handleEvent(): void {
    this.#giveUp({ why: 'abort', reason: this.#signal?.reason });
  }

  #settle(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this);
  }
}
