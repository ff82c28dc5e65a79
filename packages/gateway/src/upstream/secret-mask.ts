/** Masks one secret in upstream data: every occurrence becomes asterisks of the same length. */
export interface SecretMask {
  /** Masks a text, such as a header value. Returns the same string where nothing is found. */
  text(words: string): string;
  /** Masks a whole body. Returns the same buffer where nothing is found. */
  bytes(body: Buffer): Buffer;
  /** Masks a body that arrives in chunks. */
  stream(): MaskStream;
}

/** Masks one body. It holds back only a tail that may be the beginning of the secret. */
export interface MaskStream {
  /** The bytes that can be sent now; the same buffer where nothing is found. */
  push(chunk: Buffer): Buffer;
  /** The bytes that were held back. */
  end(): Buffer;
}

const PREFIX = /^sk-or-(?:v\d+-)?/;
/** A shorter secret is only found together with its prefix: its random part could be an ordinary word. */
const MIN_RANDOM_PART = 16;
/** The shortest value that is masked. */
const MIN_NEEDLE = 6;
const ASTERISK = 0x2a;
const EMPTY = Buffer.alloc(0);

const hex = (character: string, digits: number) =>
  character.charCodeAt(0).toString(16).padStart(digits, '0');

/** The part of a base64 text that depends on `words` alone, not on the bytes around them. */
function base64(words: string, alignment: 0 | 1 | 2): string {
  const bytes = Buffer.concat([Buffer.alloc(alignment), Buffer.from(words)]);
  const text = bytes.toString('base64');
  return text.slice(Math.ceil((alignment * 8) / 6), Math.floor((bytes.length * 8) / 6));
}

/** The spellings of a secret that are searched. None contains another. */
function spellings(secret: string): string[] {
  const random = secret.replace(PREFIX, '');
  const words = random.length < MIN_RANDOM_PART ? secret : random;
  const special = /[^A-Za-z0-9]/g;
  const coded = ([0, 1, 2] as const).map((alignment) => base64(words, alignment));
  const all = [
    words,
    words.toUpperCase(),
    words.toLowerCase(),
    encodeURIComponent(words),
    words.replace(special, (one) => `%${hex(one, 2).toUpperCase()}`),
    words.replace(special, (one) => `%${hex(one, 2)}`),
    words.replace(special, (one) => `\\u${hex(one, 4).toUpperCase()}`),
    words.replace(special, (one) => `\\u${hex(one, 4)}`),
    words.replaceAll('/', '\\/'),
    ...coded,
    ...coded.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  const long = [...new Set(all)].filter((text) => text.length >= MIN_NEEDLE);
  return long.filter((text) => !long.some((other) => other !== text && text.includes(other)));
}

/** The byte sequences to search for, with indexes that make the search cheap. */
class Needles {
  readonly #needles: readonly Buffer[];
  readonly #longest: number;
  readonly shortest: number;
  /** Whether a byte occurs in any of them. */
  readonly #isUsed = new Uint8Array(256);

  constructor(words: readonly string[]) {
    this.#needles = words.map((text) => Buffer.from(text));
    this.#longest = Math.max(0, ...this.#needles.map(({ length }) => length));
    this.shortest = Math.min(...this.#needles.map(({ length }) => length));
    for (const needle of this.#needles) for (const byte of needle) this.#isUsed[byte] = 1;
  }

  /** Whether `bytes` contain any of them. */
  standIn(bytes: Buffer): boolean {
    for (const needle of this.#needles) {
      if (bytes.length >= needle.length && bytes.includes(needle)) return true;
    }
    return false;
  }

  /** Offset at the end of `bytes` where one of them may begin; the length if there is none from `from` on. */
  tailOf(bytes: Buffer, from: number): number {
    let start = bytes.length;
    const first = Math.max(from, bytes.length - this.#longest + 1);
    while (start > first && this.#isUsed[bytes[start - 1] ?? 0] === 1) start -= 1;
    for (; start < bytes.length; start += 1) {
      if (this.#needles.some((needle) => beginsAt(bytes, start, needle))) return start;
    }
    return bytes.length;
  }

  /**
   * Masks a copy of `bytes` from left to right. The bytes from `tail` on may be the beginning of another
   * occurrence, unless these are the last bytes.
   */
  mask(bytes: Buffer, isLast: boolean): { masked: Buffer; tail: number } {
    const masked = Buffer.from(bytes);
    const next = this.#needles.map((needle) => ({ needle, at: bytes.indexOf(needle) }));
    let end = 0;
    for (;;) {
      const tail = isLast ? bytes.length : this.tailOf(bytes, end);
      const found = earliest(bytes, next, end);
      if (found === undefined || found.at >= tail) return { masked, tail };
      end = found.at + found.needle.length;
      masked.fill(ASTERISK, found.at, end);
    }
  }

  /** Masks a complete body. */
  maskAll(body: Buffer): Buffer {
    return this.standIn(body) ? this.mask(body, true).masked : body;
  }
}

interface Occurrence {
  readonly needle: Buffer;
  /** -1: there are no more. */
  at: number;
}

/** The first occurrence from `from` on. Each needle's next place is kept, so that no byte is searched twice. */
function earliest(bytes: Buffer, next: Occurrence[], from: number): Occurrence | undefined {
  let first: Occurrence | undefined;
  for (const one of next) {
    if (one.at !== -1 && one.at < from) one.at = bytes.indexOf(one.needle, from);
    if (one.at !== -1 && (first === undefined || one.at < first.at)) first = one;
  }
  return first;
}

/** Whether the bytes from `start` on are a proper prefix of `needle`. */
function beginsAt(bytes: Buffer, start: number, needle: Buffer): boolean {
  const length = bytes.length - start;
  if (length >= needle.length) return false;
  for (let at = 0; at < length; at += 1) {
    if (bytes[start + at] !== needle[at]) return false;
  }
  return true;
}

class MaskedStream implements MaskStream {
  readonly #needles: Needles;
  #tail: Buffer = EMPTY;

  constructor(needles: Needles) {
    this.#needles = needles;
  }

  push(chunk: Buffer): Buffer {
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const found = this.#needles.standIn(bytes) ? this.#needles.mask(bytes, false) : undefined;
    const tail = found?.tail ?? this.#needles.tailOf(bytes, 0);
    this.#tail = tail === bytes.length ? EMPTY : bytes.subarray(tail);
    const passed = found?.masked ?? bytes;
    return tail === bytes.length ? passed : passed.subarray(0, tail);
  }

  end(): Buffer {
    const rest = this.#needles.maskAll(this.#tail);
    this.#tail = EMPTY;
    return rest;
  }
}

/** Creates the mask of one secret. */
export function createMask(secret: string): SecretMask {
  const needles = new Needles(spellings(secret));
  return {
    text(words) {
      if (words.length < needles.shortest) return words;
      const bytes = Buffer.from(words);
      const masked = needles.maskAll(bytes);
      return masked === bytes ? words : masked.toString('utf8');
    },
    bytes: (body) => needles.maskAll(body),
    stream: () => new MaskedStream(needles),
  };
}

/** Masks of the keys in use, by secret: creating one costs more than using it. */
const masks = new Map<string, SecretMask>();
const MAX_MASKS = 1_024;

/** The mask of the key that an attempt uses; null: it uses none. */
export function maskOf(secret: string | null): SecretMask {
  if (secret === null) return NO_MASK;
  const known = masks.get(secret);
  if (known !== undefined) return known;
  if (masks.size >= MAX_MASKS) masks.clear();
  const mask = createMask(secret);
  masks.set(secret, mask);
  return mask;
}

const NO_MASK: SecretMask = {
  text: (words) => words,
  bytes: (body) => body,
  stream: () => ({ push: (chunk) => chunk, end: () => EMPTY }),
};
