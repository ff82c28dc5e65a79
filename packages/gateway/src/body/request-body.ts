import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import { BodyMembers } from './body-members.ts';
import type { BodySpool } from './body-spool.ts';
import { BodyTail } from './body-tail.ts';
import type { Cancellation } from '../request/cancellation.ts';
import { thisTurn } from './event-loop-turn.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { MemberReader } from './member-reader.ts';
import { endWithError } from '../request/request-end.ts';

/** The most bytes of bodies that are kept in memory for repeats: of one request, and of all. */
const KEEP_PER_REQUEST = 16 * 1024 * 1024;
const KEEP_IN_ALL = 256 * 1024 * 1024;

/** Bytes from which a body is large: scanning the rest of it yields to other requests. */
const LARGE = 64 * 1024;
/** The memory that all kept bodies share. */
export class BodyMemory {
  #used = 0;

  /** Reserves room. False: there is none left. */
  reserve(bytes: number): boolean {
    if (this.#used + bytes > KEEP_IN_ALL) return false;
    this.#used += bytes;
    return true;
  }

  free(bytes: number): void {
    this.#used -= bytes;
  }
}

/** How a body is received and kept. */
export interface RequestBodyOptions {
  memory: BodyMemory;
  /** Keeps bodies that memory has no room for. */
  spool: BodySpool;
  /** Whether the body is kept, as far as there is room. */
  keep: boolean;
  maxBytes: number;
  /** Readers of the body's members, if it is a JSON object. */
  members: Readonly<Record<string, MemberReader>>;
  /** The longest silence before the end of the body, in milliseconds. */
  bodyTimeoutMs: number;
  /** Cancelled when the body is too large or falls silent. Every wait for the body ends with it. */
  cancellation: Cancellation;
}

/**
 * A client's request body. It goes upstream as it arrives, and is kept so that a further attempt can
 * send it again, in memory, or in a file as soon as memory has no room for more of it. A body that
 * cannot be kept is still sent once; `repeatable` is false from then on.
 */
export class RequestBody {
  readonly #source: IncomingMessage;
  readonly #options: RequestBodyOptions;
  readonly #silence: NodeJS.Timeout;
  /** Whether all of it has been read, before any of it had to be sent. */
  readonly #isRead = Promise.withResolvers<boolean>();
  readonly #members: BodyMembers;
  readonly #modelKnown = Promise.withResolvers<undefined>();
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #received = 0;
  /** The part that memory has no room for. */
  #tail: BodyTail | undefined;
  readonly #holds = new Set<'tail' | 'turn'>();
  #isReleased = false;
  #ended = false;
  #upstream: Writable | undefined;

  constructor(source: IncomingMessage, options: RequestBodyOptions) {
    this.#source = source;
    this.#options = options;
    this.#members = new BodyMembers(options.members);
    this.#silence = setTimeout(() => this.#onSilence(), options.bodyTimeoutMs);
    source.on('data', this.#onData);
    source.on('end', () => this.#onEnd());
    options.cancellation.signal.addEventListener('abort', () => this.#stopWaiting());
  }

  /** Whether everything received so far could be sent again. */
  get repeatable(): boolean {
    return !this.#isReleased && (this.#tail === undefined || this.#tail.isRepeatable);
  }

  /** A member of the body's JSON object, as far as it has arrived; undefined: there is none. */
  member(name: string): unknown {
    return this.#members.get(name);
  }

  /** Whether the body is one whole JSON object. */
  get isObject(): boolean {
    return this.#members.isWhole;
  }

  /** Resolves once the body has named its model, will not name one any more, or the request is cancelled. */
  namesModel(): Promise<undefined> {
    return this.#modelKnown.promise;
  }

  /** Sends the body to an upstream request, which replaces an earlier one. */
  sendTo(upstream: Writable): void {
    this.#upstream = upstream;
    for (const chunk of this.#kept) upstream.write(chunk);
    if (this.#tail !== undefined) {
      if (!this.#tail.isRepeatable) this.#forget();
      this.#tail.sendTo(upstream);
    } else if (this.#ended) upstream.end();
  }

  /**
   * Resolves once the whole body has been read. False: it cannot be kept, and the rest comes only while
   * it is sent; or the request is cancelled.
   */
  isRead(): Promise<boolean> {
    return this.#isRead.promise;
  }

  /** Forgets what was kept. The body cannot be sent again after this. */
  release(): void {
    clearTimeout(this.#silence);
    this.#source.off('data', this.#onData);
    this.#isReleased = true;
    this.#upstream = undefined;
    this.#tail?.release();
    this.#forget();
  }

  readonly #onData = (chunk: Buffer): void => {
    const { maxBytes } = this.#options;
    this.#silence.refresh();
    this.#received += chunk.length;
    if (this.#received > maxBytes) {
      this.#source.off('data', this.#onData);
      clearTimeout(this.#silence);
      const message = `The body is larger than ${maxBytes} bytes.`;
      this.#cancel(new GatewayError('body_too_large', message));
      return;
    }
    this.#look(chunk);
    const isKnown = this.#members.get('model') !== undefined;
    if (isKnown || this.#members.hopeless) this.#modelKnown.resolve(undefined);
    if (this.#tail === undefined && this.#keep(chunk)) {
      // Not paused: the chunk is in memory anyway, and Node notices only for a client it reads from that it left.
      this.#upstream?.write(chunk);
      return;
    }
    this.#tail ??= this.#startTail();
    this.#tail.push(chunk);
  };

  #look(chunk: Buffer): void {
    const isLarge = this.#received > LARGE;
    if (isLarge) thisTurn.begin();
    this.#members.push(chunk);
    if (!isLarge || !thisTurn.isOver()) return;
    this.#hold('turn');
    setImmediate(() => this.#letGo('turn'));
  }

  #hold(why: 'tail' | 'turn'): void {
    this.#holds.add(why);
    this.#source.pause();
  }

  #letGo(why: 'tail' | 'turn'): void {
    const wasHeld = this.#holds.delete(why);
    if (wasHeld && this.#holds.size === 0 && !this.#isReleased) this.#source.resume();
  }

  #onEnd(): void {
    clearTimeout(this.#silence);
    this.#ended = true;
    this.#isRead.resolve(true);
    this.#modelKnown.resolve(undefined);
    if (this.#tail === undefined) this.#upstream?.end();
    else this.#tail.end();
  }

  #onSilence(): void {
    // A source that is paused waits for the upstream, not for the client.
    if (this.#source.isPaused()) {
      this.#silence.refresh();
      return;
    }
    const message = `The body fell silent for ${this.#options.bodyTimeoutMs} ms.`;
    this.#cancel(new GatewayError('request_timeout', message));
  }

  #cancel(error: GatewayError): void {
    this.#options.cancellation.cancel(endWithError(error));
  }

  #stopWaiting(): void {
    this.#isRead.resolve(false);
    this.#modelKnown.resolve(undefined);
  }

  /** Keeps a chunk in memory. False: there is no room for it. */
  #keep(chunk: Buffer): boolean {
    const { keep, memory } = this.#options;
    const fits = keep && this.#keptBytes + chunk.length <= KEEP_PER_REQUEST;
    if (!fits || !memory.reserve(chunk.length)) return false;
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    return true;
  }

  #startTail(): BodyTail {
    const { keep, spool } = this.#options;
    const tail = new BodyTail({
      pause: () => this.#hold('tail'),
      resume: () => this.#letGo('tail'),
      spool: keep ? spool : null,
      onSentOnce: () => this.#onSentOnce(),
      onUnreadable: (cause) => this.#cancel(unreadable(cause)),
    });
    if (!keep) this.#onSentOnce();
    if (this.#upstream !== undefined) tail.sendTo(this.#upstream);
    return tail;
  }

  /** From here on the client is read only while the upstream reads, so a wait for the whole body would not end. */
  #onSentOnce(): void {
    this.#stopWaiting();
    if (this.#upstream !== undefined) this.#forget();
  }

  #forget(): void {
    this.#options.memory.free(this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
  }
}

function unreadable(cause: unknown): GatewayError {
  const message =
    'The request was too large for memory, and could not be read back from disk. Send it again.';
  return new GatewayError('overloaded', message, { cause, retryAfterMs: 1_000 });
}
