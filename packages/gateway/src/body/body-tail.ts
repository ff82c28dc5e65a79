import type { Writable } from 'node:stream';
import type { BodySpool, SpoolFile } from './body-spool.ts';

/** The most that waits to be stored or sent, in bytes and in pieces. Beyond it the client is paused. */
const MAX_QUEUE_BYTES = 256 * 1024;
const MAX_QUEUE_PIECES = 256;
const READ_BYTES = 256 * 1024;

/** How the tail of a body is kept, and who is told of it. */
export interface BodyTailDeps {
  /** Stop and resume reading from the client. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Null: the tail is not stored, and can be sent only once. */
  readonly spool: BodySpool | null;
  /** Called when the tail can be sent only once from here on. */
  readonly onSentOnce: () => void;
  /** Called when the stored tail cannot be read back. */
  readonly onUnreadable: (error: unknown) => void;
}

/**
 * The part of a request body for which memory has no room. It is stored in a file, and each attempt
 * sends it from there; an attempt that keeps up with the client sends the pieces that wait to be
 * stored. A tail that cannot be stored is sent once, and the client waits for the upstream.
 */
export class BodyTail {
  readonly #deps: BodyTailDeps;
  #isStorable: boolean;
  #file: SpoolFile | undefined;
  /** Pieces that are not stored yet, and the offset of the first one. */
  readonly #queue: Buffer[] = [];
  #queueStart = 0;
  #queueBytes = 0;
  #isStoring = false;
  #hasEnded = false;
  #isReleased = false;
  #upstream: Writable | undefined;
  #changed = Promise.withResolvers<undefined>();

  constructor(deps: BodyTailDeps) {
    this.#deps = deps;
    this.#isStorable = deps.spool !== null;
  }

  /** Whether everything received so far could be sent again. */
  get isRepeatable(): boolean {
    return this.#isStorable;
  }

  /** Takes in the next piece. */
  push(piece: Buffer): void {
    this.#queue.push(piece);
    this.#queueBytes += piece.length;
    if (this.#isStorable) void this.#store();
    if (this.#isCrowded) this.#deps.pause();
    this.#notify();
  }

  /** The last piece has come. */
  end(): void {
    this.#hasEnded = true;
    this.#notify();
  }

  /** Sends the whole tail to an upstream request, which replaces an earlier one, and ends that request's body. */
  sendTo(upstream: Writable): void {
    this.#upstream = upstream;
    this.#notify();
    this.#send(upstream).catch((error: unknown) => {
      if (this.#upstream === upstream) this.#deps.onUnreadable(error);
    });
  }

  /** Frees everything. The tail cannot be sent any more. */
  release(): void {
    this.#isReleased = true;
    this.#upstream = undefined;
    this.#queue.length = 0;
    this.#file?.close();
    this.#notify();
  }

  get #isCrowded(): boolean {
    return this.#queueBytes > MAX_QUEUE_BYTES || this.#queue.length > MAX_QUEUE_PIECES;
  }

  #notify(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }

  /** Stores the waiting pieces, one write after the other. */
  async #store(): Promise<void> {
    const { spool } = this.#deps;
    if (this.#isStoring || spool === null) return;
    this.#isStoring = true;
    try {
      this.#file ??= await spool.create();
      while (this.#queue.length > 0) {
        await this.#file.append(Buffer.concat(this.#queue));
        spool.succeeded();
        this.#dropUntil(this.#file.length);
      }
    } catch (error) {
      if (!this.#isReleased) this.#giveUpStoring(spool, error);
    }
    this.#isStoring = false;
    if (this.#isReleased) this.#file?.close();
  }

  #giveUpStoring(spool: BodySpool, error: unknown): void {
    this.#isStorable = false;
    spool.failed(error);
    this.#deps.onSentOnce();
    this.#notify();
  }

  async #send(upstream: Writable): Promise<void> {
    for (let position = 0; ;) {
      if (upstream.writableNeedDrain) await drained(upstream);
      const piece = await this.#pieceAt(position, upstream);
      if (piece === 'gone' || this.#isOver(upstream)) return;
      if (piece === 'end') {
        upstream.end();
        return;
      }
      position += piece.length;
      upstream.write(piece);
    }
  }

  #isOver(upstream: Writable): boolean {
    return this.#upstream !== upstream || upstream.destroyed;
  }

  /** The bytes from a position on, as soon as there are some. `gone`: the upstream request has ended. */
  async #pieceAt(position: number, upstream: Writable): Promise<Buffer | 'end' | 'gone'> {
    while (!this.#isOver(upstream)) {
      const stored = this.#file?.length ?? 0;
      if (this.#file !== undefined && position < stored) {
        return this.#file.read(position, Math.min(READ_BYTES, stored - position));
      }
      const piece = this.#waitingAt(position);
      if (piece !== undefined) return piece;
      if (this.#hasEnded) return 'end';
      await this.#changed.promise;
    }
    return 'gone';
  }

  #waitingAt(position: number): Buffer | undefined {
    // A tail that is not stored cannot be sent again: drop the pieces that were sent.
    if (!this.#isStorable) this.#dropUntil(position);
    let start = this.#queueStart;
    for (const piece of this.#queue) {
      if (position < start + piece.length) return piece.subarray(position - start);
      start += piece.length;
    }
    return undefined;
  }

  #dropUntil(position: number): void {
    for (let [piece] = this.#queue; piece !== undefined; [piece] = this.#queue) {
      if (this.#queueStart + piece.length > position) break;
      this.#queue.shift();
      this.#queueStart += piece.length;
      this.#queueBytes -= piece.length;
    }
    if (!this.#isCrowded && !this.#isReleased) this.#deps.resume();
  }
}

/** Resolves when a stream has drained, or has closed. */
async function drained(upstream: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const settle = () => resolve(undefined);
  upstream.once('drain', settle).once('close', settle);
  await promise;
  upstream.off('drain', settle).off('close', settle);
}
