import { WINDOW_MS } from './circuit-breaker.ts';

/** Which clients have asked for a key within the window: only whether they are several is of interest. */
export class ActiveClients {
  #last: { readonly client: string; at: number } | null = null;
  /** When any client other than the last one asked. */
  #othersAt = -Infinity;

  /** Notes that a client asks. */
  note(client: string, now: number): void {
    if (this.#last?.client === client) {
      this.#last.at = now;
      return;
    }
    this.#othersAt = this.#last?.at ?? -Infinity;
    this.#last = { client, at: now };
  }

  /** Whether more than one has asked within the window. */
  areSeveral(now: number): boolean {
    const isRecent = (at: number) => at <= now && now - at < WINDOW_MS;
    return this.#last !== null && isRecent(this.#last.at) && isRecent(this.#othersAt);
  }
}
