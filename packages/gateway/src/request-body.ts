import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';

/** How much of request bodies may be kept for repeating attempts: for one request, and in all. */
const KEEP_PER_REQUEST = 16 * 1024 * 1024;
const KEEP_IN_ALL = 256 * 1024 * 1024;

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

/**
 * A client's request body: goes upstream as it arrives, and is kept so that a further attempt can
 * send it again. A body too large to keep is still sent once; `repeatable` is false from then on.
 */
export class RequestBody {
  readonly #source: IncomingMessage;
  readonly #memory: BodyMemory;
  readonly #maxBytes: number;
  readonly #onTooLarge: () => void;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #received = 0;
  #repeatable = true;
  #ended = false;
  #upstream: Writable | undefined;

  /** `onTooLarge` is called once if more than `maxBytes` arrive; what is beyond is not sent. */
  constructor(
    source: IncomingMessage,
    options: { memory: BodyMemory; maxBytes: number; onTooLarge: () => void },
  ) {
    this.#source = source;
    this.#memory = options.memory;
    this.#maxBytes = options.maxBytes;
    this.#onTooLarge = options.onTooLarge;
    source.on('data', (chunk: Buffer) => this.#receive(chunk));
    source.on('end', () => {
      this.#ended = true;
      this.#upstream?.end();
    });
  }

  /** Whether everything received so far could be sent again. */
  get repeatable(): boolean {
    return this.#repeatable;
  }

  /** Whether the client has sent all of it. */
  get complete(): boolean {
    return this.#ended;
  }

  /** Sends the body to an upstream request, which takes the place of an earlier one. */
  sendTo(upstream: Writable): void {
    this.#upstream = upstream;
    for (const chunk of this.#kept) upstream.write(chunk);
    if (!this.#repeatable) this.#forget();
    if (this.#ended) {
      upstream.end();
      return;
    }
    upstream.on('drain', () => {
      if (this.#upstream === upstream) this.#source.resume();
    });
    if (upstream.writableNeedDrain) this.#source.pause();
    else this.#source.resume();
  }

  /** The whole body as text, once it has arrived. Rejects when the client stops before. */
  async text(): Promise<string> {
    if (!this.#ended) {
      await new Promise<void>((resolve, reject) => {
        this.#source.once('end', resolve);
        this.#source.once('error', reject);
        this.#source.once('close', () => reject(new Error('the client closed the connection')));
      });
    }
    return Buffer.concat(this.#kept).toString('utf8');
  }

  /** Forgets what was kept. The body cannot be sent again after this. */
  release(): void {
    this.#repeatable = false;
    this.#upstream = undefined;
    this.#forget();
  }

  #receive(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#received > this.#maxBytes) {
      this.#source.pause();
      this.#source.removeAllListeners('data');
      this.#onTooLarge();
      return;
    }
    if (this.#repeatable) this.#keep(chunk);
    if (this.#upstream?.write(chunk) === false) this.#source.pause();
  }

  #keep(chunk: Buffer): void {
    const fits = this.#keptBytes + chunk.length <= KEEP_PER_REQUEST;
    if (fits && this.#memory.reserve(chunk.length)) {
      this.#kept.push(chunk);
      this.#keptBytes += chunk.length;
      return;
    }
    this.#repeatable = false;
    if (this.#upstream !== undefined) {
      this.#forget();
      return;
    }
    // With nobody to send it to yet, the rest waits in the client's socket.
    this.#kept.push(chunk);
    this.#source.pause();
  }

  #forget(): void {
    this.#memory.free(this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
  }
}
