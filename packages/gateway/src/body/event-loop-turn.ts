/** How long work that can wait may go on in one turn of the event loop, in milliseconds. */
const TURN_MS = 4;

/** The share that work which can wait has of one turn of the event loop. */
class EventLoopTurn {
  #startedAt: number | undefined;

  /** Such work begins: in each turn the first call counts. */
  begin(): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = performance.now();
    setImmediate(() => (this.#startedAt = undefined));
  }

  /** Whether the rest of the work has to wait for the next turn. */
  isOver(): boolean {
    return this.#startedAt !== undefined && performance.now() - this.#startedAt > TURN_MS;
  }
}

/** The turn that is under way in this process. */
export const thisTurn = new EventLoopTurn();
