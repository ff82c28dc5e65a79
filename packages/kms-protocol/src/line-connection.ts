import type { Duplex } from 'node:stream';
import { LineSplitter, type Line } from './line-framing.ts';

/** What is sent waits for the end of the turn, but not beyond this many characters. */
const WRITE_AT = 65_536;

/** The limits of a connection. */
export interface LineLimits {
  /** A line that has begun must end within this; milliseconds. */
  lineMs: number;
  /** What may wait for the far side to take it, in bytes. Beyond it, the far side is given up. */
  outputBytes: number;
  /** How long the far side may let it wait; milliseconds. */
  stallMs: number;
  /** From our last word to the end, if the far side does not hang up itself; milliseconds. */
  closeMs: number;
}

/** The limits of either side. */
export const LINE_LIMITS: LineLimits = {
  lineMs: 1_000,
  outputBytes: 1_048_576,
  stallMs: 10_000,
  closeMs: 100,
};

/** Events of a connection. */
export interface LineEvents {
  line: (line: Line) => void;
  /** The far side broke the framing: nothing more can be read. */
  broken: (why: string) => void;
  /** The far side will send no more. */
  end: () => void;
  /** Output waits for the far side, or no longer. */
  full?: (full: boolean) => void;
  /** The connection is closed. Called once, as the last event. */
  close: (error: Error | undefined) => void;
}

/**
 * Lines both ways over a stream. What is sent in one turn of the event loop leaves in one write: a
 * system call for each would cost more than all the rest of a message.
 */
export class LineConnection {
  readonly #stream: Duplex;
  readonly #events: LineEvents;
  readonly #limits: LineLimits;
  readonly #splitter = new LineSplitter();
  #output = '';
  #flushing: NodeJS.Immediate | undefined;
  #lineTimer: NodeJS.Timeout | undefined;
  #stallTimer: NodeJS.Timeout | undefined;
  #finished = false;

  constructor(stream: Duplex, events: LineEvents, limits: LineLimits) {
    this.#stream = stream;
    this.#events = events;
    this.#limits = limits;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('drain', () => this.#drained());
    stream.on('end', () => {
      clearTimeout(this.#lineTimer);
      if (!this.#finished) events.end();
    });
    // `close` follows, and has the error for its owner.
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.#clear();
      events.close(stream.errored ?? undefined);
    });
  }

  /** Whether lines can still be sent. */
  get open(): boolean {
    return !this.#finished && !this.#stream.destroyed;
  }

  /** Sends one line. On a connection that is finished or gone it is lost. */
  send(text: string): void {
    if (!this.open) return;
    this.#output += `${text}\n`;
    if (this.#output.length >= WRITE_AT) this.#flush();
    else this.#flushing ??= setImmediate(() => this.#flush());
  }

  /** Takes no more lines until `resume`. */
  pause(): void {
    this.#stream.pause();
    this.#watchLine();
  }

  resume(): void {
    this.#stream.resume();
    this.#watchLine();
  }

  /** Takes no more lines, sends what it was given, and closes. */
  finish(): void {
    if (!this.open) return;
    this.#flush();
    this.#finished = true;
    this.#clear();
    // Further input is read and dropped: closing with unread input could discard the last output.
    this.#stream.resume();
    this.#stream.end();
    this.#stallTimer = setTimeout(() => this.destroy(), this.#limits.closeMs);
  }

  /** Closes at once. */
  destroy(error?: Error): void {
    this.#stream.destroy(error);
  }

  #take(chunk: Buffer): void {
    if (this.#finished) return;
    for (const line of this.#splitter.push(chunk)) {
      clearTimeout(this.#lineTimer);
      this.#lineTimer = undefined;
      this.#events.line(line);
      if (!this.open) return;
    }
    if (this.#splitter.overflowed) this.#events.broken('A line may be 1 MiB long, no more.');
    else this.#watchLine();
  }

  /** Times an unfinished line while reading is not paused. */
  #watchLine(): void {
    if (!this.#splitter.unfinished || this.#stream.isPaused()) {
      clearTimeout(this.#lineTimer);
      this.#lineTimer = undefined;
      return;
    }
    const { lineMs } = this.#limits;
    this.#lineTimer ??= setTimeout(
      () => this.#events.broken(`A line that has begun must end within ${lineMs} ms.`),
      lineMs,
    );
  }

  #flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#output === '' || this.#stream.destroyed) return;
    if (this.#stream.writableLength > this.#limits.outputBytes) {
      this.destroy(new Error('The far side does not read what it is sent.'));
      return;
    }
    const output = this.#output;
    this.#output = '';
    if (this.#stream.write(output)) return;
    this.#stallTimer ??= setTimeout(
      () => this.destroy(new Error('The far side has stopped reading.')),
      this.#limits.stallMs,
    );
    this.#events.full?.(true);
  }

  #drained(): void {
    if (this.#finished) return;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#events.full?.(false);
  }

  #clear(): void {
    clearImmediate(this.#flushing);
    clearTimeout(this.#lineTimer);
    clearTimeout(this.#stallTimer);
  }
}
