import type { IncomingMessage } from 'node:http';
import { GatewayError, type GatewayErrorCode } from '../errors/gateway-error.ts';
import { CLIENT_GONE, endWithError, type StopReason } from '../request/request-end.ts';
import type { BodyMemory } from '../body/request-body.ts';

/** A body of more bytes is counted by its length. */
const MAX_KEPT = 16 * 1024 * 1024;

/** The limits of a body that is counted. */
export interface CountedBodyLimits {
  readonly maxBytes: number;
  /** The longest silence of the client, in milliseconds. */
  readonly bodyTimeoutMs: number;
  readonly memory: BodyMemory;
}

/** A request's body, read to its end. */
export interface CountedBody {
  readonly length: number;
  /** Its bytes; null if they were too many to keep. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
}

/** Reads a body to its end. Resolves with the reason if it is too large, falls silent, or the client leaves. */
export function readCountedBody(
  source: IncomingMessage,
  limits: CountedBodyLimits,
): Promise<CountedBody | StopReason> {
  return new Reader(source, limits).read();
}

class Reader {
  readonly #source: IncomingMessage;
  readonly #limits: CountedBodyLimits;
  readonly #result = Promise.withResolvers<CountedBody | StopReason>();
  readonly #silence: NodeJS.Timeout;
  #kept: Buffer[] | null = [];
  #keptBytes = 0;
  #length = 0;

  constructor(source: IncomingMessage, limits: CountedBodyLimits) {
    const { bodyTimeoutMs } = limits;
    this.#source = source;
    this.#limits = limits;
    this.#silence = setTimeout(() => {
      this.#refuse('request_timeout', `The body fell silent for ${bodyTimeoutMs} ms.`);
    }, bodyTimeoutMs);
  }

  read(): Promise<CountedBody | StopReason> {
    this.#source.on('data', this.#onData).once('end', this.#onEnd).once('close', this.#onClose);
    return this.#result.promise;
  }

  readonly #onData = (chunk: Buffer): void => {
    const { maxBytes } = this.#limits;
    this.#silence.refresh();
    this.#length += chunk.length;
    if (this.#length > maxBytes) {
      this.#refuse('body_too_large', `The body is larger than ${maxBytes} bytes.`);
    } else if (this.#kept !== null) this.#keep(chunk, this.#kept);
  };

  readonly #onEnd = (): void => {
    const bytes = this.#kept === null ? null : joined(this.#kept, this.#length);
    this.#stop();
    this.#result.resolve({ length: this.#length, bytes });
  };

  readonly #onClose = (): void => this.#giveUp(CLIENT_GONE);

  #keep(chunk: Buffer, kept: Buffer[]): void {
    if (this.#length > MAX_KEPT || !this.#limits.memory.reserve(chunk.length)) {
      this.#forget();
      return;
    }
    kept.push(chunk);
    this.#keptBytes += chunk.length;
  }

  #refuse(code: GatewayErrorCode, message: string): void {
    this.#giveUp(endWithError(new GatewayError(code, message)));
  }

  #giveUp(reason: StopReason): void {
    this.#stop();
    this.#result.resolve(reason);
  }

  #stop(): void {
    clearTimeout(this.#silence);
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    this.#forget();
  }

  #forget(): void {
    this.#limits.memory.free(this.#keptBytes);
    this.#kept = null;
    this.#keptBytes = 0;
  }
}

/** Copies chunks into one buffer, which can be transferred to a thread. */
function joined(chunks: readonly Buffer[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
