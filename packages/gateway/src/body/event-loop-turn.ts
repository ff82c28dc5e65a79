/** The budget of deferrable work in one turn of the event loop, in milliseconds. */
const TURN_MS = 4;

/** Limits deferrable work to a budget in each turn of the event loop. */
class EventLoopTurn {
  #startedAt: number | undefined;

  /** Deferrable work begins. The first call in a turn starts the budget. */
  begin(): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = performance.now();
    setImmediate(() => (this.#startedAt = undefined));
  }

  /** Whether the budget is spent: the rest has to wait for the next turn. */
  isOver(): boolean {
    return this.#startedAt !== undefined && performance.now() - this.#startedAt > TURN_MS;
  }
}

/** The current turn of this process's event loop. */
export const thisTurn = new EventLoopTurn();
