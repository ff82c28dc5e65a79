import type { Logger } from '@openrouter-proxy/runtime';

const PERIOD_MS = 60_000;
/** Lines in a period; an attack from many addresses must not fill the disk. */
const MAX_LINES = 10;

/** A wrong access key, for the log. */
export interface WrongKey {
  readonly address: string;
  /** The network that is counted as one client. */
  readonly network: string;
  readonly delayMs: number;
}

/** Logs wrong access keys: the first of each network in a minute, and at most ten lines a minute. */
export class WrongKeyLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  #since = -Infinity;
  readonly #logged = new Set<string>();
  /** Wrong keys without a line of their own since the last line. */
  #notLogged = 0;

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  add({ address, network, delayMs }: WrongKey): void {
    const now = this.#now();
    if (now - this.#since >= PERIOD_MS || now < this.#since) {
      this.#since = now;
      this.#logged.clear();
    }
    if (this.#logged.has(network) || this.#logged.size >= MAX_LINES) {
      this.#notLogged += 1;
      return;
    }
    this.#logged.add(network);
    const fields = { address, delay_ms: delayMs, not_logged: this.#notLogged };
    this.#notLogged = 0;
    this.#logger.warning('wrong access key', fields);
  }
}
