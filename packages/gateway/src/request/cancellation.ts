import type { StopReason } from './request-end.ts';

/** Ends the work for one request early. The first reason stands. */
export class Cancellation {
  readonly #controller = new AbortController();
  #reason: StopReason | null = null;

  /** Why the work was ended; null while it goes on. */
  get reason(): StopReason | null {
    return this.#reason;
  }

  /** Aborts when the work is ended. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  cancel(reason: StopReason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#controller.abort();
  }
}
