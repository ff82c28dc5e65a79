/** The blank lines that end an event (HTML standard, "Server-sent events": LF, CRLF or CR). */
const BLANK_LINES = ['\n\n', '\n\r\n', '\r\r'].map((text) => Buffer.from(text));
/** Of a blank line that comes in two chunks, as much may stand at the end of the first. */
const LONGEST_BEGINNING = 2;

const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/** Where the first event of `bytes` ends, behind its blank line; -1 if it does not end in them. */
function firstEventEnd(bytes: Buffer): number {
  let first = -1;
  for (const blank of BLANK_LINES) {
    const at = bytes.indexOf(blank);
    if (at !== -1 && (first === -1 || at + blank.length < first)) first = at + blank.length;
  }
  return first;
}

/** Where the last event of `bytes` that ends in them does; 0 if none. */
function lastEventEnd(bytes: Buffer): number {
  let last = 0;
  for (const blank of BLANK_LINES) {
    const at = bytes.lastIndexOf(blank);
    if (at !== -1) last = Math.max(last, at + blank.length);
  }
  return last;
}

/** Divides bytes into events, each with the blank line behind it; what has none is the last. */
export function* divideEvents(bytes: Buffer): Generator<Buffer, void, undefined> {
  let rest = bytes;
  while (rest.length > 0) {
    const end = firstEventEnd(rest);
    const event = end === -1 ? rest : rest.subarray(0, end);
    yield event;
    rest = rest.subarray(event.length);
  }
}

/** The most of an event that is kept back until the rest of it is there. */
const MAX_HELD = 256 * 1024;

/**
 * Takes a stream in as it comes and gives it out in whole events, so that whatever is said next stands
 * on a line of its own. An event too large to hold is let through in pieces.
 */
export class WholeEvents {
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** The last bytes that were held. */
  #tail: Buffer = NOTHING;
  #isWithinEvent = false;

  /** Whether what was given out last ended within an event. */
  get isWithinEvent(): boolean {
    return this.#isWithinEvent;
  }

  /** What of the stream is whole with these bytes; may be empty. */
  push(chunk: Buffer): Buffer {
    // Nearly always: nothing is held, and the chunk ends where an event does.
    if (this.#heldBytes === 0 && chunk.at(-1) === LF && chunk.at(-2) === LF) {
      this.#isWithinEvent = false;
      return chunk;
    }
    const end = lastEventEnd(Buffer.concat([this.#tail, chunk])) - this.#tail.length;
    if (end > 0) {
      const whole = this.#release(chunk.subarray(0, end), false);
      this.#hold(chunk.subarray(end));
      return whole;
    }
    if (this.#heldBytes + chunk.length > MAX_HELD) return this.#release(chunk, true);
    this.#hold(chunk);
    return NOTHING;
  }

  /** The beginning of an event whose end never came. */
  rest(): Buffer {
    return this.#release(NOTHING, true);
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-LONGEST_BEGINNING);
  }

  #release(bytes: Buffer, isWithinEvent: boolean): Buffer {
    const released = this.#heldBytes === 0 ? bytes : Buffer.concat([...this.#held, bytes]);
    this.#held = [];
    this.#heldBytes = 0;
    this.#tail = NOTHING;
    this.#isWithinEvent = isWithinEvent;
    return released;
  }
}
