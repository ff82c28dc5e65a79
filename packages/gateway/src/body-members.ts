/** The longest member that is read: a longer name or value is passed over. */
const MAX_BYTES = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x7b, 0x5b]); // { [
const CLOSE = new Set([0x7d, 0x5d]); // } ]
const COLON = 0x3a;
const COMMA = 0x2c;
const OBJECT = 0x7b;
const WHITESPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** What a member of the request's body can be: everything but a list or an object. */
export type Scalar = string | number | boolean | null;

/**
 * Reads chosen members of a JSON object from its bytes as they arrive, without parsing the rest: a
 * body of many megabytes costs little more than a search for its quotation marks. Only members of the
 * outermost object count; of one that stands twice the last counts, as in `JSON.parse`. What is no
 * JSON gives members that are as meaningless as itself, and never throws.
 */
export class BodyMembers {
  readonly #wanted: ReadonlySet<string>;
  readonly #found = new Map<string, Scalar>();
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The name before the colon, once it has been read. */
  #name: string | undefined;
  /** Bytes of the token being read, where it matters. */
  #token: number[] = [];
  /** What the outermost value is, once its first byte is there. */
  #root: 'unknown' | 'object' | 'other' = 'unknown';

  constructor(wanted: readonly string[]) {
    this.#wanted = new Set(wanted);
  }

  /** What was found so far; undefined: not there, or no scalar. */
  get(name: string): Scalar | undefined {
    return this.#found.get(name);
  }

  /** Whether there can be members at all: not in a list, nor in what is no JSON. */
  get hopeless(): boolean {
    return this.#root === 'other';
  }

  /** Takes in the next bytes. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.#inString ? this.#readString(chunk, at) : this.#readOutside(chunk, at);
    }
  }

  /** Whether the token being read may be a name, or a value, that is wanted. */
  get #matters(): boolean {
    return this.#depth === 1 && this.#root === 'object' && this.#token.length <= MAX_BYTES;
  }

  #readString(chunk: Buffer, start: number): number {
    let at = start;
    for (; at < chunk.length; at += 1) {
      if (!this.#matters && !this.#escaped) at = nextMark(chunk, at);
      const byte = chunk[at];
      if (byte === undefined) break;
      if (this.#matters) this.#token.push(byte);
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) {
        this.#inString = false;
        return at + 1;
      }
    }
    return at;
  }

  #readOutside(chunk: Buffer, at: number): number {
    const byte = chunk[at] ?? 0;
    if (this.#root === 'unknown' && !WHITESPACE.has(byte)) {
      this.#root = byte === OBJECT ? 'object' : 'other';
    }
    if (OPEN.has(byte)) this.#open();
    else if (CLOSE.has(byte)) {
      this.#endMember();
      this.#depth -= 1;
    } else if (byte === COMMA) this.#endMember();
    else if (byte === COLON && this.#depth === 1) this.#endName();
    else {
      this.#inString = byte === QUOTE;
      if (this.#matters) this.#token.push(byte);
    }
    return at + 1;
  }

  #open(): void {
    if (this.#depth === 1) this.#name = undefined;
    this.#depth += 1;
    this.#token = [];
  }

  #endName(): void {
    const name = this.#scalar();
    this.#name = typeof name === 'string' ? name : undefined;
    this.#token = [];
  }

  #endMember(): void {
    if (this.#depth !== 1) return;
    const name = this.#name;
    const value = this.#scalar();
    this.#name = undefined;
    this.#token = [];
    if (name !== undefined && value !== undefined && this.#wanted.has(name)) {
      this.#found.set(name, value);
    }
  }

  /** The token that was read, if it is a scalar. */
  #scalar(): Scalar | undefined {
    if (this.#token.length === 0 || this.#token.length > MAX_BYTES) return undefined;
    try {
      const value: unknown = JSON.parse(Buffer.from(this.#token).toString('utf8'));
      return typeof value === 'object' && value !== null ? undefined : (value as Scalar);
    } catch {
      return undefined; // the body is no JSON: the upstream will say so
    }
  }
}

/** The next byte within a string that may end it or escape one. */
function nextMark(chunk: Buffer, from: number): number {
  const quote = chunk.indexOf(QUOTE, from);
  const end = quote === -1 ? chunk.length : quote;
  const escape = chunk.subarray(from, end).indexOf(BACKSLASH);
  return escape === -1 ? end : from + escape;
}
