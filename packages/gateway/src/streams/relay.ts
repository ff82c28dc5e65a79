import type { Api, Usage } from '@openrouter-proxy/kms-protocol';
import { lastUsage, mergedUsage } from '../outcome/usage.ts';
import { ByteOrderMark } from './byte-order-mark.ts';
import { streamEvents } from './events.ts';
import { EventFraming } from './framing.ts';
import { concat, PartialEvent } from './partial-event.ts';
import { lastEvent, PassingStream, type StreamError } from './passing.ts';
import type { StreamEnding } from './tail.ts';

/** The most of a stream that is held back before its first content. */
const MAX_HELD_BYTES = 1024 * 1024;

const NOTHING: Buffer = Buffer.alloc(0);

/** The state of one stream's relay. After `refused` and `over` no byte is read. */
type State =
  /** The client has nothing of the answer: another attempt may take over. */
  | { readonly kind: 'holding'; readonly held: Buffer[]; bytes: number }
  /** The answer has begun. */
  | { readonly kind: 'passing'; readonly usedAtFirst: Usage | null }
  | { readonly kind: 'refused' }
  | { readonly kind: 'over' };

/** The result of a chunk of the stream. `bytes` go to the client; may be empty. */
export type RelayStep =
  | { kind: 'pass'; bytes: Buffer }
  /** An error event came before any content. `events`: the held events, and the error event. */
  | { kind: 'refused'; bytes: Buffer; body: string; events: Buffer };

/** How a stream ended. `bytes` go to the client first; may be empty. */
export type RelayEnd =
  | { kind: 'whole'; bytes: Buffer; usage: Usage | null }
  /** There is an error event within the answer. It has not passed. */
  | { kind: 'failed'; bytes: Buffer; error: StreamError }
  /** It stopped before its end. */
  | { kind: 'open'; bytes: Buffer }
  | Extract<RelayStep, { kind: 'refused' }>;

/**
 * Decides which bytes of an upstream stream the client gets, without any I/O. Comments and pings pass at once.
 * Events that only announce an answer are held back until the first event with content: until then the
 * stream may fail unseen. The result depends on the sequence of events, not on their division into
 * chunks.
 */
export class StreamRelay {
  readonly #api: Api;
  readonly #mark = new ByteOrderMark();
  readonly #framing = new EventFraming();
  readonly #partial = new PartialEvent();
  readonly #passing: PassingStream;
  #state: State = { kind: 'holding', held: [], bytes: 0 };

  constructor(api: Api) {
    this.#api = api;
    this.#passing = new PassingStream(api, this.#framing, this.#partial);
  }

  /** Whether content of the answer has passed. */
  get isCommitted(): boolean {
    return this.#state.kind === 'passing';
  }

  /** Whether events wait for the first content. */
  get isHolding(): boolean {
    return this.#state.kind === 'holding' && this.#state.bytes > 0;
  }

  /** Whether the bytes given out last ended within an event. */
  get isWithinEvent(): boolean {
    return this.#passing.isWithinEvent;
  }

  /** The error event that ended the answer; null: there was none. */
  get error(): StreamError | null {
    return this.#passing.error;
  }

  /**
   * How far the answer has passed. `finished`: all of it, perhaps without its usage; `ended`: the API's own last
   * event too. Then the answer is whole, even if the stream breaks off after it.
   */
  get ending(): StreamEnding {
    return this.isCommitted && this.error === null ? this.#passing.ending : 'open';
  }

  /** The sequence number of the next event, for one of the gateway's own. */
  get nextSequenceNumber(): number {
    return (this.#passing.lastSequenceNumber ?? -1) + 1;
  }

  /** Takes the next chunk of the stream. */
  push(chunk: Buffer): RelayStep {
    switch (this.#state.kind) {
      case 'holding':
        return this.#hold(this.#mark.push(chunk));
      case 'passing':
        return { kind: 'pass', bytes: this.#passing.push(chunk) };
      case 'refused':
      case 'over':
        return { kind: 'pass', bytes: NOTHING };
    }
  }

  /** Releases the held events although no content has come: they were held for too long. */
  commit(): Buffer {
    return this.#state.kind === 'holding' ? this.#begin([]) : NOTHING;
  }

  /** The stream has ended in order. */
  end(): RelayEnd {
    const last = this.#state.kind === 'passing' ? this.#passing.end() : this.#holdRest();
    if (!Buffer.isBuffer(last)) return last;
    const [state, { error }] = [this.#state, this.#passing];
    this.#state = { kind: 'over' };
    if (state.kind !== 'passing') return { kind: 'open', bytes: last };
    if (error !== null) return { kind: 'failed', bytes: last, error };
    if (this.#passing.ending === 'open') return { kind: 'open', bytes: last };
    const usage = mergedUsage(state.usedAtFirst, this.#passing.usage);
    return { kind: 'whole', bytes: last, usage };
  }

  /** Takes in events before the first content, one by one. */
  #hold(chunk: Buffer): RelayStep {
    const out: Buffer[] = [];
    let start = 0;
    /** Start of the comments that pass together: one chunk may hold tens of thousands. */
    let comments = 0;
    for (const end of this.#framing.ends(chunk)) {
      if (this.#framing.lastWasComment && this.#partial.bytes === 0) {
        start = end;
        continue;
      }
      out.push(chunk.subarray(comments, start));
      const event = this.#partial.take(chunk.subarray(start, end));
      start = comments = end;
      const judged = this.#framing.lastWasComment ? event : this.#judge(event);
      if (!Buffer.isBuffer(judged)) return { ...judged, bytes: concat(out) };
      out.push(judged);
      if (this.isCommitted) {
        out.push(this.#passing.push(chunk.subarray(start)));
        return { kind: 'pass', bytes: concat(out) };
      }
    }
    out.push(chunk.subarray(comments, start));
    this.#partial.add(chunk.subarray(start));
    if (this.#exceeds(this.#partial.bytes)) {
      out.push(this.#begin([]), this.#passing.beginLarge(this.#partial.take()));
    }
    return { kind: 'pass', bytes: concat(out) };
  }

  /** Takes in a whole event before the first content. Gives out bytes for the client. */
  #judge(event: Buffer): Buffer | Extract<RelayStep, { kind: 'refused' }> {
    if (this.#exceeds(event.length)) return this.#begin([event]);
    const events = streamEvents(this.#api, event);
    const error = events.find((each) => each.kind === 'error');
    if (error !== undefined) {
      const refused = concat([...this.#held, event]);
      this.#state = { kind: 'refused' };
      return { kind: 'refused', bytes: NOTHING, body: error.body, events: refused };
    }
    if (events.every(({ kind }) => kind === 'keep-alive')) return event;
    const isPreamble = events.every(({ kind }) => kind === 'keep-alive' || kind === 'preamble');
    if (!isPreamble || this.#state.kind !== 'holding') return this.#begin([event]);
    this.#state.held.push(event);
    this.#state.bytes += event.length;
    return NOTHING;
  }

  get #held(): readonly Buffer[] {
    return this.#state.kind === 'holding' ? this.#state.held : [];
  }

  #exceeds(bytes: number): boolean {
    return this.#state.kind === 'holding' && this.#state.bytes + bytes > MAX_HELD_BYTES;
  }

  /** The answer begins, with the events that waited and these. */
  #begin(events: readonly Buffer[]): Buffer {
    const bytes = concat([...this.#held, ...events]);
    // Messages report the prompt's tokens in their first event.
    const usedAtFirst = this.#api === 'messages' ? lastUsage(bytes) : null;
    this.#state = { kind: 'passing', usedAtFirst };
    return this.#passing.pass(bytes);
  }

  /** The stream ended before its first content; its last event may lack the blank line, or a part. */
  #holdRest(): Buffer | Extract<RelayStep, { kind: 'refused' }> {
    if (this.#state.kind !== 'holding') return NOTHING;
    const event = lastEvent(this.#partial.take(), this.#framing);
    return event === null ? NOTHING : this.#judge(event);
  }
}
