import { createHash } from 'node:crypto';

/** How often an account stands on the ring: the more often, the more evenly conversations spread. */
const PLACES = 32;

const placeOf = (text: string) => createHash('sha256').update(text).digest().readUInt32BE(0);

/**
 * The accounts on a ring, each in many places. A conversation has a place on it too, and belongs to the
 * account that comes next; when that cannot serve, to the one after it. So a conversation stays where
 * it is, whatever happens to the other accounts (consistent hashing; Karger et al., 1997).
 */
export class AccountRing {
  readonly #ring: readonly { readonly place: number; readonly account: string }[];

  constructor(accounts: Iterable<string>) {
    this.#ring = [...accounts]
      .flatMap((account) =>
        Array.from({ length: PLACES }, (_, turn) => ({
          place: placeOf(`${turn} ${account}`),
          account,
        })),
      )
      .toSorted((a, b) => a.place - b.place);
  }

  /** Every account once, that of the conversation first. */
  *from(conversation: string): Generator<string, void, undefined> {
    const place = placeOf(conversation);
    const next = this.#ring.findIndex((entry) => entry.place >= place);
    const seen = new Set<string>();
    for (let step = 0; step < this.#ring.length; step += 1) {
      const entry = this.#ring[(Math.max(0, next) + step) % this.#ring.length];
      if (entry === undefined || seen.has(entry.account)) continue;
      seen.add(entry.account);
      yield entry.account;
    }
  }
}
