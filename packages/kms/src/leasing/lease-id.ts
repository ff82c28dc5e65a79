const KEY_ID_LENGTH = 12;
const LIFE_LENGTH = 6;
/** 96 bits, six to a character. */
const SECRET_LENGTH = 16;
const TOKEN_LENGTH = LIFE_LENGTH + SECRET_LENGTH;
const SECRETS_PER_DRAW = 1_024;

/** Fills an array with cryptographically random bytes. */
export type RandomFill = (bytes: Uint8Array) => unknown;

/**
 * Generates the random part of lease ids: a mark of this process, which recognizes its own leases
 * by it, and 96 random bits. Bytes are drawn for many ids at once.
 */
export class LeaseTokens {
  readonly #fill: RandomFill;
  readonly #life: string;
  #drawn = '';
  #used = 0;

  constructor(fill: RandomFill) {
    this.#fill = fill;
    this.#life = this.#draw(LIFE_LENGTH);
  }

  next(): string {
    if (this.#used === this.#drawn.length) {
      this.#drawn = this.#draw(SECRET_LENGTH * SECRETS_PER_DRAW);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += SECRET_LENGTH;
    return this.#life + this.#drawn.slice(start, this.#used);
  }

  /** Whether this process gave the lease. */
  isOfThisLife(leaseId: string): boolean {
    return leaseId.startsWith(this.#life, leaseId.length - TOKEN_LENGTH);
  }

  #draw(length: number): string {
    const bytes = Buffer.alloc(Math.ceil((length * 3) / 4));
    this.#fill(bytes);
    return bytes.toString('base64url').slice(0, length);
  }
}

/** The id of a lease: `<key id>.<generation>.<token>`. */
export function leaseIdOf(keyId: string, generation: number, token: string): string {
  return `${keyId}.${generation}.${token}`;
}

/** Reads the key and its generation from a lease id of the contract's form. */
export function readLeaseId(leaseId: string): { keyId: string; generation: number } {
  return {
    keyId: leaseId.slice(0, KEY_ID_LENGTH),
    generation: Number(leaseId.slice(KEY_ID_LENGTH + 1, -(TOKEN_LENGTH + 1))),
  };
}
