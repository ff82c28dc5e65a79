import type { Api, Usage } from '@openrouter-proxy/kms-protocol';
import { isCutShort, isDoneEvent, largeEventKind, streamEvents } from './events.ts';
import { divideEvents, endsWithBlankLine, type EventFraming } from './framing.ts';
import { concat, PartialEvent } from './partial-event.ts';
import { StreamTail, TAIL_BYTES, type StreamEnding } from './tail.ts';

/** A longer event passes in pieces: it is neither assembled nor parsed. */
const MAX_PARSED_BYTES = TAIL_BYTES;
/** The type of a large event stands in its first bytes. */
const BEGINNING_BYTES = 1024;

const NOTHING: Buffer = Buffer.alloc(0);
const BLANK_LINE = Buffer.from('\n\n');
const ERROR = Buffer.from('"error"');
const DONE = Buffer.from('[DONE]');

/** An error event within an answer. */
export interface StreamError {
  /** Its data; empty: it was too large to be read. */
  readonly body: string;
  /** The event itself, which has not passed; empty: it has passed, in pieces. */
  readonly event: Buffer;
}

/**
 * Passes a stream whose content has begun, up to an error event. Whole events pass as they come. An incomplete one waits for
 * its end, so that an error event never lands within it, unless it is large.
 */
export class PassingStream {
  readonly #api: Api;
  readonly #framing: EventFraming;
  readonly #tail = new StreamTail();
  readonly #partial: PartialEvent;
  /** The beginning of the large event that is passing in pieces. */
  #large: Buffer | null = null;
  #hasLargeEnd = false;
  #error: StreamError | null = null;

  /** `framing` and `partial` go on where the events before the first content ended. */
  constructor(api: Api, framing: EventFraming, partial: PartialEvent) {
    this.#api = api;
    this.#framing = framing;
    this.#partial = partial;
  }

  /** Whether the bytes given out last ended within an event. */
  get isWithinEvent(): boolean {
    return this.#large !== null;
  }

  /** The error event that ended the answer; null: none. Neither it nor the events after it pass. */
  get error(): StreamError | null {
    return this.#error;
  }

  /** How the stream ended, if it ended here. */
  get ending(): StreamEnding {
    return this.#hasLargeEnd ? 'ended' : this.#tail.ending(this.#api);
  }

  /** The number of the last numbered event; null: none has a number. */
  get lastSequenceNumber(): number | null {
    return this.#tail.lastSequenceNumber();
  }

  /** The usage at the end of the answer. */
  get usage(): Usage | null {
    return this.#tail.usage();
  }

  /** Takes a chunk, and gives the bytes for the client. */
  push(chunk: Buffer): Buffer {
    if (this.#large !== null) return this.#continueLarge(chunk);
    if (endsWithBlankLine(chunk)) {
      this.#framing.restart();
      return this.pass(this.#partial.take(chunk));
    }
    // May be 0: a CR before the chunk ended the event, if no LF follows.
    const end = [...this.#framing.ends(chunk)].at(-1);
    const whole =
      end === undefined ? NOTHING : this.pass(this.#partial.take(chunk.subarray(0, end)));
    this.#partial.add(chunk.subarray(end ?? 0));
    if (this.#partial.bytes <= MAX_PARSED_BYTES) return whole;
    return concat([whole, this.beginLarge(this.#partial.take())]);
  }

  /** Passes whole events, up to an error. */
  pass(events: Buffer): Buffer {
    this.#tail.push(events);
    if (this.#error !== null) return NOTHING;
    const isSuspect = events.length > MAX_PARSED_BYTES || events.includes(ERROR);
    const passed = isSuspect ? events.subarray(0, this.#findError(events)) : events;
    return this.#api === 'messages' ? withoutDone(passed) : passed;
  }

  /** Passes the beginning of a large event. */
  beginLarge(bytes: Buffer): Buffer {
    this.#large = Buffer.from(bytes.subarray(0, BEGINNING_BYTES));
    this.#tail.push(bytes);
    return this.#error === null ? bytes : NOTHING;
  }

  /** The stream has ended in order: its last event may lack the blank line, or a part. */
  end(): Buffer {
    if (this.#error !== null) return NOTHING;
    if (this.#large !== null) {
      this.#noteLarge(this.#large);
      return BLANK_LINE;
    }
    const event = lastEvent(this.#partial.take(), this.#framing);
    return event === null ? NOTHING : this.pass(event);
  }

  #continueLarge(chunk: Buffer): Buffer {
    const [end] = this.#framing.ends(chunk);
    const last = chunk.subarray(0, end);
    const passed = this.#error === null ? last : NOTHING;
    this.#tail.push(last);
    if (end === undefined) return passed;
    this.#noteLarge(this.#large ?? last);
    this.#large = null;
    return concat([passed, this.push(chunk.subarray(end))]);
  }

  /** The offset of the first error event; undefined: there is none. Large last events are noted. */
  #findError(events: Buffer): number | undefined {
    let start = 0;
    for (const event of divideEvents(events)) {
      if (event.length > MAX_PARSED_BYTES) this.#noteLarge(event.subarray(0, BEGINNING_BYTES));
      else if (event.includes(ERROR)) {
        const error = streamEvents(this.#api, event).find((each) => each.kind === 'error');
        if (error !== undefined) this.#error = { body: error.body, event };
      }
      if (this.#error !== null) return this.#error.event.length > 0 ? start : start + event.length;
      start += event.length;
    }
    return undefined;
  }

  #noteLarge(beginning: Buffer): void {
    const kind = largeEventKind(this.#api, beginning);
    if (kind === 'end') this.#hasLargeEnd = true;
    if (kind === 'error') this.#error ??= { body: '', event: NOTHING };
  }
}

/** The bytes after the last blank line of a stream that has ended, as an event; null: they are incomplete. */
export function lastEvent(rest: Buffer, framing: EventFraming): Buffer | null {
  if (rest.length === 0 || framing.endsWithBlankCr) return rest;
  const event = Buffer.concat([rest, BLANK_LINE]);
  return isCutShort(event) ? null : event;
}

/**
 * Whole events without OpenRouter's `[DONE]`: Anthropic's API has no such event, and its SDK takes the
 * data for JSON and fails.
 */
function withoutDone(events: Buffer): Buffer {
  if (!events.includes(DONE)) return events;
  return concat([...divideEvents(events)].filter((event) => !isDoneEvent(event)));
}
