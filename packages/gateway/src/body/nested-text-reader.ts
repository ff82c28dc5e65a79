import type { MemberReader } from './member-reader.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const OPEN_LIST = 0x5b;
const CLOSE_OBJECT = 0x7d;
const CLOSE_LIST = 0x5d;
const SPACE = 0x20;
/** No name and no id that is looked for is longer, in bytes as they stand in the document. */
const MAX_TEXT = 1_300;
const MAX_DEPTH = 1_000;

/** What stands at one level of nesting. */
interface Level {
  isList: boolean;
  /** The name of the member that is read; in a list, of the member that holds the list. */
  name: string | null;
}

/**
 * Looks through a value of any size, at every depth, for texts that stand under chosen names (`file_id: "x"`,
 * `file_ids: ["x", "y"]`). It keeps nothing but short texts, and takes a time that grows with the number of
 * bytes only. Names and texts with escapes are read as JSON reads them.
 */
export class NestedTextReader implements MemberReader {
  readonly isDone = false;
  readonly #names: ReadonlySet<string>;
  readonly #maxFound: number;
  /** The name of the member itself, under which its value stands. */
  readonly #own: string;
  readonly #found = new Set<string>();
  #levels: Level[] = [];
  #text: Buffer[] | null = null;
  #textLength = 0;
  #inString = false;
  #isEscaped = false;
  /** A text that a colon makes a name, and anything else a value. */
  #last: string | null = null;
  #isTooMuch = false;

  constructor(own: string, names: readonly string[], maxFound: number) {
    this.#own = own;
    this.#names = new Set(names);
    this.#maxFound = maxFound;
  }

  begin(): void {
    this.#found.clear();
    this.#levels = [{ isList: true, name: this.#own }];
    this.#last = null;
    this.#inString = false;
    this.#isEscaped = false;
    this.#isTooMuch = false;
  }

  add(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      at = this.#inString ? this.#readString(bytes, at) : this.#readOutside(bytes, at);
    }
  }

  /** Between the elements of a list that is read by its elements. */
  separate(): void {
    this.#settle();
  }

  end(): void {
    this.#settle();
  }

  /** The texts that were found; null: more than are taken, or nested too deeply to be sure. */
  value(): readonly string[] | null {
    return this.#isTooMuch ? null : [...this.#found];
  }

  #readString(bytes: Buffer, start: number): number {
    let at = start;
    if (this.#isEscaped) at += 1;
    this.#isEscaped = false;
    for (;;) {
      const quote = indexOrEnd(bytes, QUOTE, at);
      const backslash = indexOrEnd(bytes.subarray(0, quote), BACKSLASH, at);
      if (backslash < quote) {
        at = backslash + 2;
        if (at < bytes.length) continue;
        this.#isEscaped = at > bytes.length;
        this.#keep(bytes.subarray(start));
        return bytes.length;
      }
      this.#keep(bytes.subarray(start, quote));
      if (quote === bytes.length) return quote;
      this.#inString = false;
      this.#last = this.#textOf();
      return quote + 1;
    }
  }

  #keep(piece: Buffer): void {
    this.#textLength += piece.length;
    if (this.#textLength > MAX_TEXT) this.#text = null;
    else this.#text?.push(Buffer.from(piece));
  }

  /** The text that has ended; null: it is too long for an id. */
  #textOf(): string | null {
    if (this.#text === null) return null;
    const written = Buffer.concat(this.#text).toString('utf8');
    if (!written.includes('\\')) return written;
    try {
      return String(JSON.parse(`"${written}"`));
    } catch {
      return null; // the body is no JSON: the upstream will say so
    }
  }

  #readOutside(bytes: Buffer, start: number): number {
    for (let at = start; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? SPACE;
      if (byte <= SPACE) continue;
      if (byte === QUOTE) {
        this.#settle();
        this.#inString = true;
        this.#text = [];
        this.#textLength = 0;
        return at + 1;
      }
      this.#structure(byte);
    }
    return bytes.length;
  }

  #structure(byte: number): void {
    switch (byte) {
      case COLON:
        this.#nameMember();
        return;
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.#open(byte === OPEN_LIST, this.#levels.at(-1)?.name ?? null);
        return;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.#settle();
        if (this.#levels.length > 1) this.#levels.pop();
        return;
      case COMMA:
        this.#settle();
        return;
      default:
        this.#last = null;
    }
  }

  #nameMember(): void {
    const level = this.#levels.at(-1);
    // An object that is read by its elements has no bracket of its own.
    const isObject = level?.isList === false || this.#levels.length === 1;
    if (level !== undefined && isObject) level.name = this.#last;
    this.#last = null;
  }

  #open(isList: boolean, name: string | null): void {
    this.#last = null;
    if (this.#levels.length >= MAX_DEPTH) this.#isTooMuch = true;
    else this.#levels.push({ isList, name: isList ? name : null });
  }

  /** A text that no colon followed is a value. */
  #settle(): void {
    const name = this.#levels.at(-1)?.name ?? null;
    if (this.#last !== null && name !== null && this.#names.has(name)) this.#take(this.#last);
    this.#last = null;
  }

  #take(text: string): void {
    if (this.#found.size >= this.#maxFound) this.#isTooMuch = true;
    else this.#found.add(text);
  }
}

function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const index = bytes.indexOf(byte, from);
  return index === -1 ? bytes.length : index;
}
