const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
/** Bytes that may begin a string, a number, or one of `true`, `false` and `null`. */
const SCALAR = /["\-0-9tfn]/;
/** The byte order mark in UTF-8. */
const BYTE_ORDER_MARK = new Set([0xef, 0xbb, 0xbf]);

/**
 * The state of a JSON document so far: `blank` has only white space, `open` lacks closing
 * brackets, `other` is no JSON (a page, for example), `scalar` is a string, a number or a word.
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
  /** Whether the last byte is a backslash that escapes the next one. */
  #isEscaping = false;

  get state(): DocumentState {
    return this.#state;
  }

  /** Takes the next bytes. */
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

  /** Skips a string, its closing quotation mark included. */
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

  /** Skips everything outside strings, up to and including a quotation mark. */
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

/** The state of a complete document. */
export function documentState(document: Buffer): DocumentState {
  const scan = new DocumentScan();
  scan.push(document);
  return scan.state;
}
