const LINE_FEED = 0x0a;

/** The longest line either side may send, line feed not counted: 1 MiB. */
export const MAX_LINE_BYTES = 1_048_576;

/** Whether a text may be sent as one line. */
export function fitsInLine(text: string): boolean {
  // UTF-8 takes at most three bytes for a UTF-16 unit: most texts need no counting.
  return text.length * 3 <= MAX_LINE_BYTES || Buffer.byteLength(text) <= MAX_LINE_BYTES;
}

/** A line's text, or `undefined` if its bytes are not UTF-8. */
export type Line = string | undefined;

/**
 * Cuts a stream of bytes into lines at each 0x0A. Nothing is decoded before its line is whole, so
 * that a character may be cut anywhere; what is kept of an unfinished line is bounded.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #maxBytes: number;
  /** The beginning of an unfinished line: the first `#length` bytes. */
  #begun = Buffer.alloc(0);
  #length = 0;
  #overflowed = false;

  constructor(maxBytes: number = MAX_LINE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a line has begun and not ended. */
  get unfinished(): boolean {
    return this.#length > 0;
  }

  /** A line was longer than allowed. No line can be read after it. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** The lines that `chunk` ends. */
  *push(chunk: Buffer): Generator<Line, void, void> {
    let start = 0;
    for (let end; (end = chunk.indexOf(LINE_FEED, start)) !== -1; start = end + 1) {
      if (!this.#fits(end - start)) return;
      yield this.#finish(chunk.subarray(start, end));
    }
    if (this.#fits(chunk.length - start)) this.#keep(chunk.subarray(start));
  }

  #fits(more: number): boolean {
    this.#overflowed ||= this.#length + more > this.#maxBytes;
    return !this.#overflowed;
  }

  #finish(rest: Buffer): Line {
    if (this.#length === 0) return this.#decode(rest);
    this.#keep(rest);
    const line = this.#decode(this.#begun.subarray(0, this.#length));
    this.#begun = Buffer.alloc(0);
    this.#length = 0;
    return line;
  }

  #keep(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#begun.length) {
      // Doubling keeps a line that comes byte by byte from being copied once for every byte.
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#begun.length));
      this.#begun.copy(larger, 0, 0, this.#length);
      this.#begun = larger;
    }
    bytes.copy(this.#begun, this.#length);
    this.#length = length;
  }

  #decode(bytes: Buffer): Line {
    try {
      return this.#decoder.decode(bytes);
    } catch {
      return undefined; // `fatal` throws a TypeError for just this one reason
    }
  }
}
