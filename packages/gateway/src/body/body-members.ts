import type { MemberReader } from './member-reader.ts';

/** The longest member name that is read, in bytes of the document. */
const MAX_NAME = 512;
/** The most names that are wanted, or have escapes, in one document. No client repeats names that often. */
const MAX_READ = 256;
/** Bytes of a string that are searched here, before Node's own search takes over. */
const SHORT = 24;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OBJECT = 0x7b;

/** Kinds of bytes outside strings. 0: any other byte. */
const SPACE = 1;
const OPEN = 2;
const CLOSE = 3;
const COMMA = 4;
const COLON = 5;
const STRING = 6;

const KINDS = new Uint8Array(256);
const BYTES_OF = { [SPACE]: ' \t\r\n', [OPEN]: '{[', [CLOSE]: '}]' } as const;
for (const [kind, bytes] of Object.entries(BYTES_OF)) {
  for (const byte of Buffer.from(bytes)) KINDS[byte] = Number(kind);
}
KINDS[','.charCodeAt(0)] = COMMA;
KINDS[':'.charCodeAt(0)] = COLON;
KINDS[QUOTE] = STRING;

/**
 * Reads chosen members of a JSON object from its bytes as they arrive. Its time grows only with the
 * number of bytes, and nothing else of the object is built. Only members of the outermost
 * object count. Of a repeated name the last member counts, as in `JSON.parse`. Bytes that are no JSON
 * give no members, or meaningless ones; nothing throws.
 */
export class BodyMembers {
  readonly #readers: ReadonlyMap<string, MemberReader>;
  /** Reads the value that passes; null: it is not wanted. */
  #reader: MemberReader | null = null;
  /** The name that passes, one character for each byte; null: it is too long. */
  #name: string | null = '';
  #isInValue = false;
  #depth = 0;
  /** The deepest level whose separators count: 2 within a list that is read by its elements. */
  #level = 1;
  #inString = false;
  #isEscaped = false;
  /** Offset in the chunk of the first byte that was not given to the reader; -1: there is none. */
  #from = -1;
  /** Whether a name or value has begun on this level, and whether white space has followed. */
  #hasToken = false;
  #hasGap = false;
  #readCount = 0;
  /** Offsets of the next quotation mark and backslash in the chunk, as far as they were searched for. */
  #nextQuote = -1;
  #nextBackslash = -1;
  /** `over`: the outermost object has ended. `none`: this is no JSON object. */
  #root: 'unknown' | 'object' | 'over' | 'none' = 'unknown';

  /** `readers`: each wanted name, in ASCII, with the reader of its value. */
  constructor(readers: Readonly<Record<string, MemberReader>>) {
    this.#readers = new Map(Object.entries(readers));
  }

  /** The value of a member as its reader gives it, as far as it has arrived; undefined: there is none. */
  get(name: string): unknown {
    return this.#root === 'none' ? undefined : this.#readers.get(name)?.value();
  }

  /** Whether no member can come any more: the body is a list, or no JSON. */
  get hopeless(): boolean {
    return this.#root === 'none';
  }

  /** Whether one object has ended, and nothing follows it. */
  get isWhole(): boolean {
    return this.#root === 'over';
  }

  /** Takes in the next bytes. */
  push(chunk: Buffer): void {
    this.#nextQuote = -1;
    this.#nextBackslash = -1;
    this.#from = this.#inString && this.#isRead ? 0 : -1;
    let at = 0;
    while (at < chunk.length && this.#root !== 'none') {
      at = this.#inString ? this.#readString(chunk, at) : this.#readOutside(chunk, at);
    }
    this.#flush(chunk, chunk.length);
  }

  get #isRead(): boolean {
    return !this.#isInValue || this.#reader !== null;
  }

  #readString(chunk: Buffer, start: number): number {
    let at = this.#isEscaped ? start + 1 : start;
    this.#isEscaped = false;
    while (at < chunk.length) {
      at = this.#nextMark(chunk, at);
      if (chunk[at] === QUOTE) {
        this.#inString = false;
        return at + 1;
      }
      this.#isEscaped = at + 1 === chunk.length;
      at += 2;
    }
    return chunk.length;
  }

  /** The next byte within a string that ends it or escapes one. */
  #nextMark(chunk: Buffer, from: number): number {
    const near = Math.min(from + SHORT, chunk.length);
    for (let at = from; at < near; at += 1) {
      const byte = chunk[at];
      if (byte === QUOTE || byte === BACKSLASH) return at;
    }
    if (this.#nextQuote < near) this.#nextQuote = indexOrEnd(chunk, QUOTE, near);
    if (this.#nextBackslash < near) this.#nextBackslash = indexOrEnd(chunk, BACKSLASH, near);
    return Math.min(this.#nextQuote, this.#nextBackslash);
  }

  /** Reads up to the next string. */
  #readOutside(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at += 1) {
      const kind = KINDS[chunk[at] ?? 0];
      if (this.#depth > this.#level) this.#readDeep(at, kind);
      else this.#readShallow(chunk, at, kind);
      if (this.#inString) return at + 1;
      if (this.#root === 'none') break;
    }
    return chunk.length;
  }

  /** Reads on within a value, up to its end. */
  #readDeep(at: number, kind: number | undefined): void {
    if (kind === OPEN) this.#depth += 1;
    else if (kind === CLOSE) this.#depth -= 1;
    else if (kind === STRING) this.#inString = true;
    if (this.#from === -1 && this.#reader !== null) this.#from = at;
  }

  #readShallow(chunk: Buffer, at: number, kind: number | undefined): void {
    if (kind === SPACE) {
      this.#flush(chunk, at);
      this.#hasGap = this.#hasToken;
    } else if (this.#depth === 0) this.#readRoot(chunk[at]);
    else if (kind === COMMA) this.#separate(chunk, at);
    else if (kind === COLON && !this.#isInValue) this.#endName(chunk, at);
    else if (kind === CLOSE) this.#close(chunk, at);
    else this.#readToken(at, kind);
  }

  #readRoot(byte: number | undefined): void {
    const isObject = this.#root === 'unknown' && byte === OBJECT;
    this.#root = isObject ? 'object' : 'none';
    this.#depth = 1;
  }

  #readToken(at: number, kind: number | undefined): void {
    if (this.#hasGap && kind !== COLON) {
      this.#root = 'none'; // two values without a separator
      return;
    }
    this.#startToken(kind !== COLON);
    this.#inString = kind === STRING;
    if (kind === OPEN) this.#depth += 1;
    if (kind === OPEN && this.#depth === this.#level) {
      this.#startToken(false);
      this.#reader?.open?.();
    } else if (this.#from === -1 && this.#isRead) this.#from = at;
  }

  #startToken(hasToken: boolean): void {
    this.#hasToken = hasToken;
    this.#hasGap = false;
  }

  #separate(chunk: Buffer, at: number): void {
    this.#flush(chunk, at);
    this.#startToken(false);
    if (this.#depth === 1) {
      this.#endValue();
      return;
    }
    this.#reader?.separate?.();
    if (this.#reader?.isDone !== true) return;
    this.#reader = null;
    this.#level = 1;
  }

  #close(chunk: Buffer, at: number): void {
    this.#flush(chunk, at);
    this.#startToken(true);
    this.#depth -= 1;
    if (this.#depth === 1) {
      this.#reader?.separate?.();
      return;
    }
    this.#endValue();
    this.#root = 'over';
  }

  #endValue(): void {
    this.#reader?.end();
    this.#reader = null;
    this.#level = 1;
    this.#isInValue = false;
    this.#name = '';
  }

  #endName(chunk: Buffer, at: number): void {
    this.#flush(chunk, at);
    this.#startToken(false);
    this.#isInValue = true;
    this.#reader = this.#readers.get(nameIn(this.#name)) ?? null;
    if (this.#reader !== null || this.#name?.includes('\\') === true) this.#readCount += 1;
    if (this.#readCount > MAX_READ) this.#root = 'none';
    this.#reader?.begin();
    this.#level = this.#reader?.open === undefined ? 1 : 2;
  }

  #flush(chunk: Buffer, end: number): void {
    const from = this.#from;
    this.#from = -1;
    if (from === -1 || from >= end) return;
    if (this.#isInValue) this.#reader?.add(chunk.subarray(from, end));
    else this.#addToName(chunk, from, end);
  }

  #addToName(chunk: Buffer, from: number, end: number): void {
    const length = (this.#name?.length ?? MAX_NAME) + end - from;
    this.#name = length > MAX_NAME ? null : `${this.#name}${chunk.toString('latin1', from, end)}`;
  }
}

/** Decodes a member name from its bytes between quotation marks. */
function nameIn(written: string | null): string {
  if (written === null) return '';
  if (!written.includes('\\')) return written.slice(1, -1);
  try {
    return String(JSON.parse(Buffer.from(written, 'latin1').toString('utf8')));
  } catch {
    return ''; // the body is no JSON: the upstream will refuse it
  }
}

function indexOrEnd(chunk: Buffer, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from);
  return index === -1 ? chunk.length : index;
}
