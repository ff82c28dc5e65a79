import { WINDOW_MS } from './circuit-breaker.ts';

/** Detects whether several clients were active within the window. */
export class ActiveClients {
  #last: { readonly client: string; at: number } | null = null;
  /** When any client other than the last one was active. */
  #othersAt = -Infinity;

  /** Notes a request of a client. */
  note(client: string, now: number): void {
    if (this.#last?.client === client) {
      this.#last.at = now;
      return;
    }
    this.#othersAt = this.#last?.at ?? -Infinity;
    this.#last = { client, at: now };
  }

  /** Whether more than one client was active within the window. */
  areSeveral(now: number): boolean {
    const isRecent = (at: number) => at <= now && now - at < WINDOW_MS;
    return this.#last !== null && isRecent(this.#last.at) && isRecent(this.#othersAt);
  }
}
