/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let bits = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    bits = Math.imul(bits ^ text.charCodeAt(index), 0x01000193);
  }
  return bits;
}

/** The finalizer of MurmurHash3: each bit of the input changes about half of the result's bits. */
function mix(bits: number): number {
  const first = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return second ^ (second >>> 16);
}

/**
 * The order of accounts for a conversation, by rendezvous hashing (Thaler and Ravishankar, 1998): the
 * conversation stays with its first account, and moves only while that account cannot serve.
 */
export class ConversationAccounts {
  readonly #accounts: readonly string[];
  readonly #hashes: readonly number[];

  constructor(accounts: Iterable<string>) {
    this.#accounts = [...accounts].toSorted();
    this.#hashes = this.#accounts.map((account) => mix(hash(account)));
  }

  /** Yields every account once, the account of the conversation first. */
  *for(conversation: string): Generator<string, void, undefined> {
    const own = hash(conversation);
    const first = this.#heaviest(own);
    const account = this.#accounts[first];
    if (account === undefined) return;
    yield account;
    const others = this.#accounts
      .map((name, index) => ({ name, index, weight: mix((this.#hashes[index] ?? 0) ^ own) }))
      .filter(({ index }) => index !== first)
      .sort((a, b) => b.weight - a.weight);
    for (const { name } of others) yield name;
  }

  /** The place of the heaviest account: one pass, since nearly every request needs no second account. */
  #heaviest(own: number): number {
    let [heaviest, most] = [0, -Infinity];
    for (let index = 0; index < this.#hashes.length; index += 1) {
      const weight = mix((this.#hashes[index] ?? 0) ^ own);
      if (weight > most) [heaviest, most] = [index, weight];
    }
    return heaviest;
  }
}
