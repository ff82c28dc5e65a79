/** Wrong keys that are answered at once, for people who mistype a key. */
const FREE_MISTAKES = 3;
const FIRST_DELAY_MS = 250;
/** Most scrapers and health checks give up after ten seconds. They should see the refusal. */
const MAX_DELAY_MS = 8_000;
/** One wrong key is forgotten after each of these. */
const FORGET_EVERY_MS = 60_000;
/** A higher count would not lengthen the delay, only the time until it is forgotten. */
const MAX_COUNT = 16;
/** The most networks that are remembered. One more, and the network that was quiet for longest is forgotten. */
export const MAX_NETWORKS = 4_096;

/** How long the answer to a network's nth wrong key is held back: nothing at first, then twice as long each time. */
export function delayAfter(count: number): number {
  const delayed = count - FREE_MISTAKES;
  return delayed <= 0 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (delayed - 1));
}

interface Entry {
  count: number;
  /** When `count` was last brought up to date. */
  at: number;
}

/** Counts wrong access keys by network, for a bounded number of networks. */
export class WrongKeyCounts {
  readonly #networks = new Map<string, Entry>();

  /** How many networks are remembered. */
  get size(): number {
    return this.#networks.size;
  }

  /** Counts a wrong key of a network, and gives the count that has not been forgotten. */
  add(network: string, now: number): number {
    const { count, at } = this.#networks.get(network) ?? { count: 0, at: now };
    const forgotten = Math.max(0, Math.floor((now - at) / FORGET_EVERY_MS));
    const left = Math.max(0, count - forgotten);
    const entry = {
      count: Math.min(MAX_COUNT, left + 1),
      at: left === 0 || now < at ? now : at + forgotten * FORGET_EVERY_MS,
    };
    this.#networks.delete(network); // a map keeps the order of insertion: the first was quiet for longest
    this.#networks.set(network, entry);
    const [quietest] = this.#networks.keys();
    if (this.#networks.size > MAX_NETWORKS && quietest !== undefined) {
      this.#networks.delete(quietest);
    }
    return entry.count;
  }
}
