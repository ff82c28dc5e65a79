/** The beginning of an event whose end has not come yet. */
export class PartialEvent {
  #pieces: Buffer[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** Gives out the kept bytes and those that follow them, and keeps nothing. */
  take(rest?: Buffer): Buffer {
    if (this.#pieces.length === 0) return rest ?? Buffer.alloc(0);
    const all = rest === undefined ? this.#pieces : [...this.#pieces, rest];
    this.#pieces = [];
    this.#bytes = 0;
    return concat(all);
  }
}

/** Joins pieces. A single piece is not copied. */
export function concat(pieces: readonly Buffer[]): Buffer {
  const filled = pieces.filter(({ length }) => length > 0);
  const [first] = filled;
  return first !== undefined && filled.length === 1 ? first : Buffer.concat(filled);
}
