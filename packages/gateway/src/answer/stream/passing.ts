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

/**
 * Passes a stream whose content has begun. Whole events pass as they come; an incomplete one waits for
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
  #error: string | null = null;

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

  /** The data of the first error event; null: there was none. */
  get error(): string | null {
    return this.#error;
  }

  /** How the stream ended, if it ended here. */
  get ending(): StreamEnding {
    return this.#hasLargeEnd ? 'ended' : this.#tail.ending(this.#api);
  }

  /** What the answer used, as its end says. */
  get usage(): Usage | null {
    return this.#tail.usage();
  }

  /** Takes in a chunk and gives out the bytes for the client. */
  push(chunk: Buffer): Buffer {
    if (this.#large !== null) return this.#continueLarge(chunk);
    const end = this.#lastEventEnd(chunk);
    const whole =
      end === undefined ? NOTHING : this.pass(this.#partial.take(chunk.subarray(0, end)));
    this.#partial.add(chunk.subarray(end ?? 0));
    if (this.#partial.bytes <= MAX_PARSED_BYTES) return whole;
    return concat([whole, this.beginLarge(this.#partial.take())]);
  }

  /** Passes whole events. */
  pass(events: Buffer): Buffer {
    if (events.length > MAX_PARSED_BYTES || events.includes(ERROR)) this.#look(events);
    this.#tail.push(events);
    return this.#api === 'messages' ? withoutDone(events) : events;
  }

  /** Passes the beginning of a large event. */
  beginLarge(bytes: Buffer): Buffer {
    this.#large = Buffer.from(bytes.subarray(0, BEGINNING_BYTES));
    this.#tail.push(bytes);
    return bytes;
  }

  /** The stream has ended in order: its last event may lack the blank line, or a part. */
  end(): Buffer {
    if (this.#large !== null) {
      this.#noteLarge(this.#large);
      return BLANK_LINE;
    }
    const event = lastEvent(this.#partial.take(), this.#framing);
    return event === null ? NOTHING : this.pass(event);
  }

  /** May be 0: a CR before the chunk ended the event, if no LF follows. */
  #lastEventEnd(chunk: Buffer): number | undefined {
    if (endsWithBlankLine(chunk)) {
      this.#framing.restart();
      return chunk.length;
    }
    return [...this.#framing.ends(chunk)].at(-1);
  }

  #continueLarge(chunk: Buffer): Buffer {
    const [end] = this.#framing.ends(chunk);
    const last = chunk.subarray(0, end);
    this.#tail.push(last);
    if (end === undefined) return chunk;
    this.#noteLarge(this.#large ?? last);
    this.#large = null;
    return concat([last, this.push(chunk.subarray(end))]);
  }

  /** Looks for an error within the answer, and for a large last event. */
  #look(events: Buffer): void {
    for (const event of divideEvents(events)) {
      if (event.length > MAX_PARSED_BYTES) this.#noteLarge(event.subarray(0, BEGINNING_BYTES));
      else if (event.includes(ERROR)) {
        const error = streamEvents(this.#api, event).find(({ kind }) => kind === 'error');
        if (error?.kind === 'error') this.#error ??= error.body;
      }
    }
  }

  #noteLarge(beginning: Buffer): void {
    const kind = largeEventKind(this.#api, beginning);
    if (kind === 'end') this.#hasLargeEnd = true;
    if (kind === 'error') this.#error ??= '';
  }
}

/** What stood behind the last blank line when the stream ended, as an event; null: it lacks a part. */
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
