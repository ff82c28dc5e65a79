const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;

/** Whether bytes end with the blank line that ends an event. */
export function endsWithBlankLine(bytes: Buffer): boolean {
  return bytes.at(-1) === LF && bytes.at(-2) === LF;
}

/** The next positions of line ends in one chunk. Each byte is searched once for each of them. */
class LineEnds {
  readonly #chunk: Buffer;
  #lf: number;
  #cr: number;

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
    this.#lf = chunk.indexOf(LF);
    this.#cr = chunk.indexOf(CR);
  }

  /** The first LF or CR at or after `from`; the chunk's length if there is none. */
  from(from: number): number {
    const chunk = this.#chunk;
    if (this.#lf !== -1 && this.#lf < from) this.#lf = chunk.indexOf(LF, from);
    if (this.#cr !== -1 && this.#cr < from) this.#cr = chunk.indexOf(CR, from);
    if (this.#cr === -1) return this.#lf === -1 ? chunk.length : this.#lf;
    return this.#lf === -1 ? this.#cr : Math.min(this.#lf, this.#cr);
  }
}

/**
 * Finds the ends of events in a stream that arrives in chunks. A line ends with LF, CRLF or CR; a blank
 * line ends an event (HTML standard, "Server-sent events"). The time per byte is constant.
 */
export class EventFraming {
  #isLineEmpty = true;
  /** The last byte was a CR that ended a line; an LF may follow that belongs to it. */
  #afterCr = false;
  #isWithinEvent = false;
  #hasFields = false;
  #lastHadFields = false;

  /** Whether the bytes so far end within an event. */
  get isWithinEvent(): boolean {
    return this.#isWithinEvent;
  }

  /** Whether the last event has ended, if the stream ends here: with a CR that no LF follows. */
  get endsWithBlankCr(): boolean {
    return this.#afterCr && this.#isLineEmpty;
  }

  /** Whether the event that ended last holds nothing but comments and blank lines. */
  get lastWasComment(): boolean {
    return !this.#lastHadFields;
  }

  /** Yields the offset after each event that ends in `chunk`. The caller has to iterate to the end. */
  *ends(chunk: Buffer): Generator<number, void, undefined> {
    const lineEnds = new LineEnds(chunk);
    let at = 0;
    while (at < chunk.length) {
      const byte = chunk[at];
      if (this.#afterCr) {
        this.#afterCr = false;
        if (byte === LF) at += 1;
        if (this.#endLine()) yield at;
        continue;
      }
      this.#isWithinEvent = true;
      if (byte === LF) {
        at += 1;
        if (this.#endLine()) yield at;
      } else if (byte === CR) {
        at += 1;
        this.#afterCr = true;
      } else {
        if (this.#isLineEmpty && byte !== COLON) this.#hasFields = true;
        this.#isLineEmpty = false;
        at = lineEnds.from(at);
      }
    }
  }

  /** Starts after the end of an event: the caller has found the blank line. */
  restart(): void {
    this.#isLineEmpty = true;
    this.#afterCr = false;
    this.#isWithinEvent = false;
    this.#hasFields = false;
  }

  /** Takes in a line end; true if the line was blank. */
  #endLine(): boolean {
    const isBlank = this.#isLineEmpty;
    this.#isLineEmpty = true;
    if (!isBlank) return false;
    this.#isWithinEvent = false;
    this.#lastHadFields = this.#hasFields;
    this.#hasFields = false;
    return true;
  }
}

/** Divides bytes into events, each with its blank line. The last one may be incomplete. */
export function* divideEvents(bytes: Buffer): Generator<Buffer, void, undefined> {
  let start = 0;
  for (const end of new EventFraming().ends(bytes)) {
    yield bytes.subarray(start, end);
    start = end;
  }
  if (start < bytes.length) yield bytes.subarray(start);
}
