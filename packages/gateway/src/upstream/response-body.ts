import { IdleTimer } from './idle-timer.ts';
import { UpstreamFailure } from './upstream-failure.ts';
import type { UpstreamResponse } from './upstream.ts';

/** The limits of a body that is collected in memory. */
export interface ResponseBodyLimits {
  readonly maxBytes: number;
  /** The longest silence, in milliseconds. */
  readonly idleMs: number;
  /** From now to the end of the body, in milliseconds; left out: no limit. */
  readonly totalMs?: number;
  /** Ends the collection. */
  readonly signal: AbortSignal;
}

/** A body, or its first `maxBytes` and a little more: then `whole` is false, and the rest is still to be read. */
export interface ResponseBody {
  readonly chunks: Buffer[];
  readonly whole: boolean;
}

/** Collects a response's body. Resolves with the failure if it breaks off, is too slow, or is not wanted any more. */
export function readResponseBody(
  response: UpstreamResponse,
  limits: ResponseBodyLimits,
): Promise<ResponseBody | UpstreamFailure> {
  return new BodyReader(response, limits).result;
}

class BodyReader {
  readonly #response: UpstreamResponse;
  readonly #limits: ResponseBodyLimits;
  readonly #result = Promise.withResolvers<ResponseBody | UpstreamFailure>();
  readonly #chunks: Buffer[] = [];
  readonly #idle: IdleTimer;
  readonly #total: NodeJS.Timeout | undefined;
  #bytes = 0;

  constructor(response: UpstreamResponse, limits: ResponseBodyLimits) {
    this.#response = response;
    this.#limits = limits;
    const { idleMs, totalMs, signal } = limits;
    this.#idle = new IdleTimer(idleMs, () =>
      this.#fail('timeout', `the upstream was silent for ${idleMs} ms`),
    );
    if (totalMs !== undefined) {
      this.#total = setTimeout(() => {
        this.#fail('truncated', 'the body of an error answer did not end in time');
      }, totalMs);
    }
    response
      .on('data', this.#onData)
      .once('end', this.#onEnd)
      .once('close', this.#onClose)
      .on('error', () => undefined); // 'close' follows
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get result(): Promise<ResponseBody | UpstreamFailure> {
    return this.#result.promise;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#idle.heard();
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#limits.maxBytes) return;
    this.#response.pause();
    this.#settle({ chunks: this.#chunks, whole: false });
  };

  readonly #onEnd = (): void => this.#settle({ chunks: this.#chunks, whole: true });

  readonly #onClose = (): void =>
    this.#fail('truncated', 'the upstream broke off within its answer');

  readonly #onAbort = (): void => this.#fail('aborted', 'the request was aborted');

  #fail(kind: 'truncated' | 'aborted' | 'timeout', message: string): void {
    this.#settle(new UpstreamFailure(kind, message));
    this.#response.destroy();
  }

  #settle(result: ResponseBody | UpstreamFailure): void {
    this.#idle.stop();
    clearTimeout(this.#total);
    this.#limits.signal.removeEventListener('abort', this.#onAbort);
    this.#response.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    this.#result.resolve(result);
  }
}
