/**
 * Fires after a silence. Activity only notes the time: restarting a timer for
 * each piece of a stream would cost more than reading that time when the timer fires.
 */
export class IdleTimer {
  readonly #longestMs: number;
  readonly #onSilence: () => void;
  #heardAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** `onSilence` is called once, after `longestMs` milliseconds without activity. */
  constructor(longestMs: number, onSilence: () => void) {
    this.#longestMs = longestMs;
    this.#onSilence = onSilence;
    this.#lookAfter(longestMs);
  }

  /** Notes activity. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** Stops the timer. */
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
