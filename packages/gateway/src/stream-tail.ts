import type { Api, Usage } from '@openrouter-proxy/kms-protocol';
import { streamEvents, type StreamEvent } from './stream-event.ts';
import { lastUsage } from './usage.ts';

/** Enough for the last events of a stream: what ended it, and what it used. */
const KEPT_BYTES = 16 * 1024;
/** A larger piece of a stream is not kept. */
const MAX_PIECE = 256 * 1024;

const BLANK_LINE = Buffer.from('\n\n');

/** How a stream ended, as its last events have it. */
export type StreamEnding =
  | { kind: 'whole' }
  | { kind: 'error'; body: string }
  /** It stopped before its end. */
  | { kind: 'open' };

/** The end of a stream, or of a long document, kept as it passes: what it came to is read from it when it is over. */
export class StreamTail {
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  /** Takes in a piece that begins and ends where events do. */
  push(piece: Buffer): void {
    if (piece.length === 0 || piece.length > MAX_PIECE) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    for (;;) {
      const oldest = this.#pieces[0];
      if (oldest === undefined || this.#bytes - oldest.length < KEPT_BYTES) return;
      this.#pieces.shift();
      this.#bytes -= oldest.length;
    }
  }

  /** What the answer used, as its end says. */
  usage(): Usage | null {
    return lastUsage(Buffer.concat(this.#pieces));
  }

  /** What the last events say. */
  ending(api: Api): StreamEnding {
    const events = streamEvents(api, Buffer.concat([...this.#pieces, BLANK_LINE]));
    const error = events.findLast((event) => event.kind === 'error');
    if (error !== undefined) return error;
    return events.some(isEnd) ? { kind: 'whole' } : { kind: 'open' };
  }
}

const isEnd = ({ kind }: StreamEvent) => kind === 'finish' || kind === 'end';
