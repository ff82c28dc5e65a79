const MARK = Buffer.from('\uFEFF');
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Removes a byte order mark before a stream's first event (HTML standard,
 * "Server-sent events"). After a comment of the gateway's own it would damage the first line.
 */
export class ByteOrderMark {
  #isPast = false;
  #beginning = NOTHING;

  push(chunk: Buffer): Buffer {
    if (this.#isPast) return chunk;
    const bytes = this.#beginning.length === 0 ? chunk : Buffer.concat([this.#beginning, chunk]);
    const isMark = bytes.subarray(0, MARK.length).equals(MARK.subarray(0, bytes.length));
    if (isMark && bytes.length < MARK.length) {
      this.#beginning = bytes;
      return NOTHING;
    }
    this.#isPast = true;
    return isMark ? bytes.subarray(MARK.length) : bytes;
  }
}
