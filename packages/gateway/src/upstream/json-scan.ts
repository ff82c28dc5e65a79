const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
/** Bytes that may begin a text, a number, or one of `true`, `false` and `null`. */
const SCALAR = /["\-0-9tfn]/;
/** The byte order mark in UTF-8. */
const BYTE_ORDER_MARK = new Set([0xef, 0xbb, 0xbf]);

/**
 * How far a JSON document has come: `blank` has nothing but white space, `open` misses closing
 * brackets, `other` is no object or list (a page, for example), `scalar` is a text, a number or a word.
 */
export type DocumentState = 'blank' | 'open' | 'whole' | 'scalar' | 'other';

/**
 * Follows the brackets of a JSON document as it arrives, to tell whether it was cut. It parses nothing:
 * a large document costs little more than a search for its quotation marks.
 */
export class DocumentScan {
  #state: DocumentState = 'blank';
  #depth = 0;
  #isText = false;
  /** Whether the bytes so far end in a backslash that escapes what follows. */
  #isEscaping = false;

  get state(): DocumentState {
    return this.#state;
  }

  /** Takes in the next bytes. */
  push(chunk: Buffer): void {
    let at = this.#state === 'blank' ? this.#begin(chunk) : 0;
    while (at < chunk.length && this.#state === 'open') {
      at = this.#isText ? this.#passText(chunk, at) : this.#passStructure(chunk, at);
    }
  }

  /** Finds the document's first byte, which decides the state. */
  #begin(chunk: Buffer): number {
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? SPACE;
      if (byte <= SPACE || BYTE_ORDER_MARK.has(byte)) continue;
      const first = String.fromCharCode(byte);
      if (first === '{' || first === '[') this.#state = 'open';
      else this.#state = SCALAR.test(first) ? 'scalar' : 'other';
      return at;
    }
    return chunk.length;
  }

  /** Passes over a text, up to behind its closing quotation mark. */
  #passText(chunk: Buffer, from: number): number {
    const quote = chunk.indexOf(QUOTE, from);
    const end = quote === -1 ? chunk.length : quote;
    let backslashes = 0;
    while (end - backslashes > from && chunk[end - backslashes - 1] === BACKSLASH) backslashes += 1;
    if (backslashes === end - from && this.#isEscaping) backslashes += 1;
    const isEscaping = backslashes % 2 === 1;
    this.#isEscaping = quote === -1 && isEscaping;
    if (quote === -1) return chunk.length;
    this.#isText = isEscaping;
    return quote + 1;
  }

  /** Passes over brackets and all else that is no text, up to behind a quotation mark. */
  #passStructure(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (byte === QUOTE) {
        this.#isText = true;
        return at + 1;
      }
      if (byte === 0x7b || byte === 0x5b) this.#depth += 1;
      else if ((byte === 0x7d || byte === 0x5d) && (this.#depth -= 1) === 0) {
        this.#state = 'whole';
        return chunk.length;
      }
    }
    return chunk.length;
  }
}

/** The state of a document that is all there. */
export function documentState(document: Buffer): DocumentState {
  const scan = new DocumentScan();
  scan.push(document);
  return scan.state;
}
