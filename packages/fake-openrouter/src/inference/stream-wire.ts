import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { createBrotliCompress, createDeflate, createGzip, createZstdCompress } from 'node:zlib';
import type { Exchange } from '../exchange/exchange.ts';
import type { Fault, StreamCoding } from '../faults/fault-rules.ts';

const CODINGS = {
  gzip: createGzip,
  deflate: createDeflate,
  br: createBrotliCompress,
  zstd: createZstdCompress,
} as const satisfies Record<StreamCoding, unknown>;

type Framing = Partial<Extract<Fault, { kind: 'framing' }>>;

/** The bytes of one stream on their way to the client, as a framing fault has them. */
export class StreamWire {
  readonly #exchange: Exchange;
  readonly #framing: Framing;
  readonly #coder: ReturnType<(typeof CODINGS)[StreamCoding]> | undefined;
  #hasBegun = false;

  constructor(exchange: Exchange, fault: Fault | undefined) {
    this.#exchange = exchange;
    this.#framing = fault?.kind === 'framing' ? fault : {};
    const { coding } = this.#framing;
    this.#coder = coding === undefined ? undefined : CODINGS[coding]();
    this.#coder?.pipe(exchange.response);
  }

  /** Writes events as far as the client reads; false once it has gone away. `isLast`: none follow. */
  async write(text: string, isLast = false): Promise<boolean> {
    const bytes = this.#encoded(text, isLast);
    const size = this.#framing.chunkBytes ?? bytes.length;
    const out: Writable = this.#coder ?? this.#exchange.response;
    for (let at = 0; at < bytes.length; at += size) {
      if (this.#exchange.response.destroyed) return false;
      if (out.write(bytes.subarray(at, at + size))) continue;
      await drained(out, this.#exchange.response);
    }
    this.#coder?.flush();
    return !this.#exchange.response.destroyed;
  }

  end(): void {
    (this.#coder ?? this.#exchange.response).end();
  }

  #encoded(text: string, isLast: boolean): Buffer {
    const { mark, lineEnd, unended } = this.#framing;
    const begun = mark === true && !this.#hasBegun ? `\uFEFF${text}` : text;
    this.#hasBegun = true;
    const whole = isLast && unended === true ? begun.trimEnd() : begun;
    return Buffer.from(lineEnd === undefined ? whole : whole.replaceAll('\n', lineEnd));
  }
}

/** Waits until more can be written, or the client has gone. */
async function drained(out: Writable, response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const done = () => resolve(undefined);
  out.once('drain', done);
  response.once('close', done);
  await promise;
  out.off('drain', done);
  response.off('close', done);
}
