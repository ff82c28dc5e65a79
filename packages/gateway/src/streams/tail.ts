import type { Api, Usage } from '@openrouter-proxy/kms-protocol';
import { lastUsage } from '../outcome/usage.ts';
import { streamEvents } from './events.ts';
import { divideEvents } from './framing.ts';

/** Room for the last events of a stream, or for the usage at the end of a document. */
export const TAIL_BYTES = 16 * 1024;
const FIRST_CAPACITY = 2 * 1024;

const SEQUENCE_NUMBER = Buffer.from('"sequence_number"');
const BLANK_LINE = Buffer.from('\n\n');

/**
 * How a stream ended: `ended` with the API's own last event, `finished` with the reason to finish alone,
 * `open` before its end.
 */
export type StreamEnding = 'ended' | 'finished' | 'open';

/** Keeps the last bytes of a stream, or of a long document, as they pass. */
export class StreamTail {
  #bytes = Buffer.alloc(0);
  #used = 0;
  #isTrimmed = false;

  push(piece: Buffer): void {
    if (piece.length >= TAIL_BYTES) {
      this.#isTrimmed ||= this.#used > 0 || piece.length > TAIL_BYTES;
      this.#used = 0;
    }
    const kept = piece.subarray(-TAIL_BYTES);
    if (this.#used + kept.length > this.#bytes.length) this.#makeRoom(kept.length);
    kept.copy(this.#bytes, this.#used);
    this.#used += kept.length;
  }

  /** The usage at the end of the answer. */
  usage(): Usage | null {
    return lastUsage(this.#last());
  }

  /** The number that OpenAI's responses give each event; null: there is none. */
  lastSequenceNumber(): number | null {
    const last = this.#last();
    const at = last.lastIndexOf(SEQUENCE_NUMBER);
    if (at === -1) return null;
    const from = at + SEQUENCE_NUMBER.length;
    const digits = /^:\s*(\d{1,15})/.exec(last.toString('latin1', from, from + 20))?.[1];
    return digits === undefined ? null : Number(digits);
  }

  /** How the stream ended, by its last bytes. */
  ending(api: Api): StreamEnding {
    const events = streamEvents(api, Buffer.concat([this.#wholeEvents(), BLANK_LINE]));
    if (events.some(({ kind }) => kind === 'end')) return 'ended';
    return events.some(({ kind }) => kind === 'finish') ? 'finished' : 'open';
  }

  /** Doubles the room, up to twice the tail; then moves the last bytes to its front. */
  #makeRoom(bytes: number): void {
    const last = this.#last();
    const needed = last.length + bytes;
    const capacity = Math.min(Math.max(FIRST_CAPACITY, 2 * needed), 2 * TAIL_BYTES);
    const room = capacity > this.#bytes.length ? Buffer.allocUnsafe(capacity) : this.#bytes;
    this.#isTrimmed ||= last.length < this.#used;
    last.copy(room);
    this.#bytes = room;
    this.#used = last.length;
  }

  #last(): Buffer {
    return this.#bytes.subarray(Math.max(0, this.#used - TAIL_BYTES), this.#used);
  }

  /** The last bytes, from the first beginning of an event on. */
  #wholeEvents(): Buffer {
    const last = this.#last();
    if (!this.#isTrimmed && this.#used <= TAIL_BYTES) return last;
    const [fragment] = divideEvents(last);
    return last.subarray(fragment?.length ?? 0);
  }
}
