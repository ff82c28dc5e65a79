/**
 * Tells when something has been silent for too long. A sign of life is only noted: to set a timer anew for
 * each piece of a stream would cost more than to look at the note when the timer goes off.
 */
export class IdleTimer {
  readonly #longestMs: number;
  readonly #onSilence: () => void;
  #heardAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** `onSilence` is called once, when nothing was heard for `longestMs` milliseconds. */
  constructor(longestMs: number, onSilence: () => void) {
    this.#longestMs = longestMs;
    this.#onSilence = onSilence;
    this.#lookAfter(longestMs);
  }

  /** Notes a sign of life. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** Ends the watch. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #lookAfter(ms: number): void {
    this.#timer = setTimeout(() => {
      const left = this.#heardAt + this.#longestMs - performance.now();
      if (left > 0) this.#lookAfter(left);
      else this.#onSilence();
    }, ms);
  }
}
