import type { IncomingMessage } from 'node:http';
import { IdleTimer } from './idle-timer.ts';
import { UpstreamFailure } from './upstream-failure.ts';

/** What a body is collected under. */
export interface ResponseBodyLimits {
  maxBytes: number;
  /** The longest silence, in milliseconds. */
  idleMs: number;
  /** Gives it up. */
  signal: AbortSignal;
}

/** What came of a body: all of it, or as much as may be held, with the rest still to come. */
export interface ResponseBody {
  chunks: Buffer[];
  whole: boolean;
}

/** Collects a response's body. Rejects with an UpstreamFailure when it breaks off or falls silent. */
export function readResponseBody(
  response: IncomingMessage,
  { maxBytes, idleMs, signal }: ResponseBodyLimits,
): Promise<ResponseBody> {
  const { promise, resolve, reject } = Promise.withResolvers<ResponseBody>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const settle = (end: () => void) => {
    timer.stop();
    signal.removeEventListener('abort', onAbort);
    response.off('data', onData).off('end', onEnd).off('close', onClose);
    end();
  };
  const fail = (failure: UpstreamFailure) => {
    settle(() => reject(failure));
    response.destroy();
  };
  const onData = (chunk: Buffer) => {
    timer.heard();
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= maxBytes) return;
    response.pause();
    settle(() => resolve({ chunks, whole: false }));
  };
  const onEnd = () => settle(() => resolve({ chunks, whole: true }));
  const onClose = () => fail(truncated());
  const onAbort = () => fail(aborted());
  const onIdle = () => fail(idle(idleMs));
  const timer = new IdleTimer(idleMs, onIdle);
  // 'close' follows every 'error'.
  response
    .on('data', onData)
    .once('end', onEnd)
    .once('close', onClose)
    .on('error', () => undefined);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return promise;
}

const truncated = () =>
  new UpstreamFailure('truncated', 'the upstream broke off within its answer');
const aborted = () => new UpstreamFailure('aborted', 'the request was aborted');
const idle = (ms: number) => new UpstreamFailure('timeout', `the upstream was silent for ${ms} ms`);
