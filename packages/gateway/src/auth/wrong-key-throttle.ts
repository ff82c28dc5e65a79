import type { Clock, Logger } from '@openrouter-proxy/runtime';
import { networkOf } from './client-address.ts';
import { WrongKeyLog } from './wrong-key-log.ts';
import { delayAfter, WrongKeyCounts } from './wrong-keys.ts';

/** Answers held back at once: each holds a connection. */
const MAX_HELD = 256;
const MAX_HELD_OF_NETWORK = 8;

/** The throttle's clock and log. */
export interface ThrottleDeps {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: Clock['sleep'];
  readonly logger: Logger;
}

/**
 * Holds back the answers to wrong access keys, longer with each one of the same network. A request
 * with a right key is never held back, also from the address of an attacker.
 */
export class WrongKeyThrottle {
  readonly #deps: ThrottleDeps;
  readonly #counts = new WrongKeyCounts();
  readonly #log: WrongKeyLog;
  readonly #held = new Set<AbortController>();
  readonly #heldOf = new Map<string, number>();
  #isStopped = false;

  constructor(deps: ThrottleDeps) {
    this.#deps = deps;
    this.#log = new WrongKeyLog(deps.logger, deps.now);
  }

  /** How many answers are held back now, and how many networks are remembered. */
  get load(): { held: number; networks: number } {
    return { held: this.#held.size, networks: this.#counts.size };
  }

  /**
   * Counts a wrong key, and resolves when it may be answered: at once with `crowded` if too many
   * answers are held back already. Aborting `gone` ends the wait.
   */
  async hold(address: string | null, gone: AbortSignal): Promise<'waited' | 'crowded'> {
    if (address === null) return 'waited';
    const network = networkOf(address);
    const delayMs = delayAfter(this.#counts.add(network, this.#deps.now()));
    this.#log.add({ address, network, delayMs });
    if (delayMs === 0 || this.#isStopped) return 'waited';
    const heldOf = this.#heldOf.get(network) ?? 0;
    if (this.#held.size >= MAX_HELD || heldOf >= MAX_HELD_OF_NETWORK) return 'crowded';
    this.#heldOf.set(network, heldOf + 1);
    try {
      await this.#wait(delayMs, gone);
    } finally {
      this.#release(network);
    }
    return 'waited';
  }

  /** Ends every wait. No answer is held back after this. */
  stop(): void {
    this.#isStopped = true;
    for (const wake of this.#held) wake.abort();
  }

  async #wait(delayMs: number, gone: AbortSignal): Promise<void> {
    const wake = new AbortController();
    this.#held.add(wake);
    gone.addEventListener('abort', () => wake.abort(), { once: true });
    await this.#deps.sleep(delayMs, wake.signal).catch(() => undefined); // woken early
    this.#held.delete(wake);
  }

  #release(network: string): void {
    const left = (this.#heldOf.get(network) ?? 1) - 1;
    if (left === 0) this.#heldOf.delete(network);
    else this.#heldOf.set(network, left);
  }
}
