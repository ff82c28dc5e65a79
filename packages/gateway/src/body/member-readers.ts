import { createHash, hash, type Hash } from 'node:crypto';
import { BodyMembers } from './body-members.ts';
import type { MemberReader } from './member-reader.ts';

/** The longest scalar and the longest list that are read, in bytes of the document. */
const MAX_SCALAR = 1024;
const MAX_LIST = 64 * 1024;
/** Bytes of a value that are held before its digest begins. Most values are shorter. */
const MAX_HELD = 4 * 1024;
/** The number of turns in which the user's first one is searched. */
const MAX_TURNS = 32;

/** Reads a short value as `JSON.parse` does. A longer one is undefined. */
export class ShortValueReader implements MemberReader {
  readonly isDone = false;
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #length = 0;
  #state: 'none' | 'begun' | 'ended' | 'parsed' = 'none';
  #value: unknown;

  constructor(maxBytes = MAX_LIST) {
    this.#maxBytes = maxBytes;
  }

  begin(): void {
    this.#pieces = [];
    this.#length = 0;
    this.#state = 'begun';
    this.#value = undefined;
  }

  add(bytes: Buffer): void {
    this.#length += bytes.length;
    if (this.#length <= this.#maxBytes) this.#pieces.push(bytes);
    else this.#pieces = [];
  }

  end(): void {
    this.#state = 'ended';
  }

  value(): unknown {
    if (this.#state === 'ended') this.#parse();
    return this.#value;
  }

  #parse(): void {
    this.#state = 'parsed';
    if (this.#length === 0 || this.#length > this.#maxBytes) return;
    try {
      this.#value = JSON.parse(Buffer.concat(this.#pieces).toString('utf8'));
    } catch {
      // The body is no JSON: the upstream will refuse it.
    }
    this.#pieces = []; // the pieces would keep their chunks in memory
  }
}

/** Reads a short string, a number, a boolean or null. Any other value is undefined. */
export class ScalarReader extends ShortValueReader {
  constructor() {
    super(MAX_SCALAR);
  }

  override value(): unknown {
    const value = super.value();
    return typeof value === 'object' && value !== null ? undefined : value;
  }
}

/** Reads whether a value contains a word, in ASCII and without escapes. The empty word: whether there is a value. */
export class WordReader implements MemberReader {
  readonly #word: Buffer;
  /** The last bytes: the word may begin with them. */
  #last = Buffer.alloc(0);
  isDone = false;

  constructor(word: string) {
    this.#word = Buffer.from(word);
  }

  begin(): void {
    this.#last = Buffer.alloc(0);
    this.isDone = false;
  }

  add(bytes: Buffer): void {
    const before = this.#word.length - 1;
    const joined = Buffer.concat([this.#last, bytes.subarray(0, Math.max(0, before))]);
    this.isDone ||= joined.includes(this.#word) || bytes.includes(this.#word);
    const end = bytes.length >= before ? bytes : joined;
    this.#last = before <= 0 ? this.#last : Buffer.from(end.subarray(-before));
  }

  end(): void {
    // `found` is complete at every moment.
  }

  value(): boolean | undefined {
    return this.isDone || undefined;
  }
}

/** Reads the digest of a value, which is the same for the same bytes. Null for null. */
export class DigestReader implements MemberReader {
  readonly isDone = false;
  #hash: Hash | null = null;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #hasEnded = false;

  begin(): void {
    this.#hash = null;
    this.#held = [];
    this.#heldBytes = 0;
    this.#hasEnded = false;
  }

  add(bytes: Buffer): void {
    if (this.#hash === null) {
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
      if (this.#heldBytes <= MAX_HELD) return;
      this.#hash = createHash('sha256').update(Buffer.concat(this.#held));
      this.#held = [];
    } else this.#hash.update(bytes);
  }

  end(): void {
    this.#hasEnded = true;
  }

  value(): string | null | undefined {
    if (!this.#hasEnded) return undefined;
    if (this.#hash !== null) return this.#hash.copy().digest('base64url');
    const held = Buffer.concat(this.#held);
    if (held.length === 0) return undefined;
    if (held.equals(NULL)) return null;
    return held.length <= MAX_SCALAR ? held.toString('latin1') : hash('sha256', held, 'base64url');
  }
}

const NULL = Buffer.from('null');

/**
 * Reads the opening of a conversation: of a list, the turns up to the user's first one, or the
 * first turn if none is the user's; any other value whole. Equal openings give equal values.
 */
export class OpeningReader implements MemberReader {
  readonly #turn = new DigestReader();
  #turns: string[] = [];
  /** Finds the role of a turn that is an object. */
  #role: BodyMembers | null = null;
  #isTurnEmpty = true;
  #isList = false;
  isDone = false;

  begin(): void {
    this.#turns = [];
    this.#isList = false;
    this.isDone = false;
    this.#beginTurn();
  }

  open(): void {
    this.#isList = true;
  }

  add(bytes: Buffer): void {
    if (this.#isTurnEmpty && this.#isList && bytes[0] === OBJECT) {
      this.#role = new BodyMembers({ role: new ScalarReader() });
    }
    this.#isTurnEmpty = false;
    this.#role?.push(bytes);
    this.#turn.add(bytes);
  }

  separate(): void {
    if (this.#isTurnEmpty) return;
    this.#turn.end();
    this.#turns.push(this.#turn.value() ?? 'null');
    if (this.#role?.get('role') === 'user') this.isDone = true;
    else if (this.#turns.length === MAX_TURNS) this.#endWithoutUser();
    this.#beginTurn();
  }

  end(): void {
    if (!this.#isList) this.#turn.end();
    else if (!this.isDone) this.#endWithoutUser();
  }

  /** A text that stands for the opening; null for null. */
  value(): string | null | undefined {
    return this.#isList ? JSON.stringify(this.#turns) : this.#turn.value();
  }

  #endWithoutUser(): void {
    this.#turns.length = Math.min(this.#turns.length, 1);
    this.isDone = true;
  }

  #beginTurn(): void {
    this.#turn.begin();
    this.#role = null;
    this.#isTurnEmpty = true;
  }
}

const OBJECT = 0x7b;
