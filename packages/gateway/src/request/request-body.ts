import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import { BodyMembers } from './body-members.ts';
import type { BodySpool } from './body-spool.ts';
import { BodyTail } from './body-tail.ts';
import { thisTurn } from './event-loop-turn.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { MemberReader } from './member-reader.ts';

/** How much of request bodies may be kept in memory for repeating attempts: for one request, and in all. */
const KEEP_PER_REQUEST = 16 * 1024 * 1024;
const KEEP_IN_ALL = 256 * 1024 * 1024;

/** A body is large from here on: others have their turn before more of it is looked at. */
const LARGE = 64 * 1024;
/** The memory that all kept bodies share. */
export class BodyMemory {
  #used = 0;

  /** Reserves room; false when there is none left. */
  reserve(bytes: number): boolean {
    if (this.#used + bytes > KEEP_IN_ALL) return false;
    this.#used += bytes;
    return true;
  }

  free(bytes: number): void {
    this.#used -= bytes;
  }
}

/** What a body is taken in by. */
export interface RequestBodyOptions {
  memory: BodyMemory;
  /** Where bodies go for which memory has no room. */
  spool: BodySpool;
  /** Whether it is kept, as far as there is room. */
  keep: boolean;
  maxBytes: number;
  /** The members of the JSON object that it may be, and what reads each. */
  members: Readonly<Record<string, MemberReader>>;
  /** The longest silence of a client that still has some of it to send, in milliseconds. */
  silenceMs: number;
  /** Told once when the body will not be taken to its end: it is too large, or it stopped coming. */
  refuse: (error: GatewayError) => void;
  /** Who waits for the body waits no longer once it aborts. */
  signal: AbortSignal;
}

/** A promise of which nobody may come to know that it was rejected. */
function deferred<T>(): PromiseWithResolvers<T> {
  const made = Promise.withResolvers<T>();
  made.promise.catch(() => undefined);
  return made;
}

/**
 * A client's request body: goes upstream as it arrives, and is kept so that a further attempt can
 * send it again, in memory, or in a file as soon as memory has no room for more of it. A body that
 * cannot be kept is still sent once; `repeatable` is false from then on.
 */
export class RequestBody {
  readonly #source: IncomingMessage;
  readonly #options: RequestBodyOptions;
  readonly #silence: NodeJS.Timeout;
  /** Whether all of it has been read, before any of it had to be sent. */
  readonly #isRead = deferred<boolean>();
  readonly #members: BodyMembers;
  readonly #modelKnown = deferred<undefined>();
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #received = 0;
  /** What memory has no room for. */
  #tail: BodyTail | undefined;
  readonly #holds = new Set<'tail' | 'turn'>();
  #isReleased = false;
  #ended = false;
  #upstream: Writable | undefined;

  constructor(source: IncomingMessage, options: RequestBodyOptions) {
    this.#source = source;
    this.#options = options;
    this.#members = new BodyMembers(options.members);
    const { silenceMs, refuse, signal } = options;
    this.#silence = setTimeout(() => {
      // A source that is paused waits for the upstream, not for the client.
      if (source.isPaused()) this.#silence.refresh();
      else refuse(new GatewayError('request_timeout', `The body fell silent for ${silenceMs} ms.`));
    }, silenceMs);
    source.on('data', this.#onData);
    source.on('end', () => this.#onEnd());
    signal.addEventListener('abort', () => this.#abandon(signal.reason), { once: true });
  }

  /** Whether everything received so far could be sent again. */
  get repeatable(): boolean {
    return !this.#isReleased && (this.#tail === undefined || this.#tail.isRepeatable);
  }

  /** A member of the JSON object that the body is, as far as it has arrived; undefined: there is none. */
  member(name: string): unknown {
    return this.#members.get(name);
  }

  /** Whether it is one JSON object, as far as its end shows. */
  get isObject(): boolean {
    return this.#members.isWhole;
  }

  /** Resolves once the body has named its model, or will not name one any more. Rejects with the signal's reason. */
  namesModel(): Promise<undefined> {
    return this.#modelKnown.promise;
  }

  /** Sends the body to an upstream request, which takes the place of an earlier one. */
  sendTo(upstream: Writable): void {
    this.#upstream = upstream;
    for (const chunk of this.#kept) upstream.write(chunk);
    if (this.#tail !== undefined) {
      if (!this.#tail.isRepeatable) this.#forget();
      this.#tail.sendTo(upstream);
    } else if (this.#ended) upstream.end();
  }

  /**
   * Resolves once all of it has been read; false: it cannot be kept, and the rest comes only while
   * it is sent. Rejects with the signal's reason.
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
    const { maxBytes, refuse } = this.#options;
    this.#silence.refresh();
    this.#received += chunk.length;
    if (this.#received > maxBytes) {
      this.#source.off('data', this.#onData);
      clearTimeout(this.#silence);
      refuse(new GatewayError('body_too_large', `The body is larger than ${maxBytes} bytes.`));
      return;
    }
    this.#look(chunk);
    const isKnown = this.#members.get('model') !== undefined;
    if (isKnown || this.#members.hopeless) this.#modelKnown.resolve(undefined);
    if (this.#tail === undefined && this.#keep(chunk)) {
      // What is kept takes no more room for waiting, and only a client that is read is seen to leave.
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

  #abandon(reason: unknown): void {
    this.#isRead.reject(reason);
    this.#modelKnown.reject(reason);
  }

  /** Keeps a chunk in memory; false: there is no room for it. */
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
      onUnreadable: (cause) => this.#options.refuse(unreadable(cause)),
    });
    if (!keep) this.#onSentOnce();
    if (this.#upstream !== undefined) tail.sendTo(this.#upstream);
    return tail;
  }

  /** The client waits for the upstream from here on, so that nobody may wait for the rest of the body. */
  #onSentOnce(): void {
    this.#isRead.resolve(false);
    this.#modelKnown.resolve(undefined);
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
