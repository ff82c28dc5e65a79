import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { ResponseWriter } from '../response/response-writer.ts';
import { streamHeaders } from '../upstream/response-headers.ts';
import { maskOf, type MaskStream } from '../upstream/secret-mask.ts';

/** The client's side of a stream: masks the upstream's key, and holds the source back while the client does not read. */
export class ClientStream {
  readonly #writer: ResponseWriter;
  readonly #source: Readable;
  readonly #headers: IncomingHttpHeaders;
  readonly #mask: MaskStream;
  #isBlocked = false;

  /** `headers`: the upstream's. `secret`: the key that the request was sent under. */
  constructor(
    writer: ResponseWriter,
    source: Readable,
    { headers, secret }: { headers: IncomingHttpHeaders; secret: string | null },
  ) {
    this.#writer = writer;
    this.#source = source;
    this.#headers = headers;
    this.#mask = maskOf(secret).stream();
    writer.response.on('drain', this.#onDrain);
  }

  /** Whether the client has not taken the last bytes yet. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  send(bytes: Buffer): void {
    this.#write(this.#mask.push(bytes));
  }

  /** Sends the bytes that the mask held back. */
  flush(): void {
    this.#write(this.#mask.end());
  }

  /** The source is not resumed any more. */
  stop(): void {
    this.#writer.response.off('drain', this.#onDrain);
  }

  readonly #onDrain = (): void => {
    this.#isBlocked = false;
    this.#source.resume();
  };

  #write(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#writer.beginStream(streamHeaders(this.#headers));
    if (this.#writer.response.write(bytes)) return;
    this.#isBlocked = true;
    this.#source.pause();
  }
}
