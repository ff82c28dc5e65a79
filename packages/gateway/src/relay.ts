import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Outcome, Usage, Verdict } from '@openrouter-proxy/kms-protocol';
import type { Answered, AnswerLimits } from './attempt-end.ts';
import type { Exchange } from './exchange.ts';
import { GatewayError } from './gateway-error.ts';
import { clientResponseHeaders } from './response-headers.ts';
import { SilenceWatch } from './silence-watch.ts';
import { StreamTail } from './answer/stream/tail.ts';

/** How an answer can break off; `cut_off`: this gateway had to end it. */
export type Break = Exclude<Verdict, 'complete' | 'error'> | 'cut_off';

/** Why an answer that has begun is to end, given the reason of the abort. */
export const breakOf = (reason: unknown): Break =>
  reason instanceof GatewayError ? 'cut_off' : 'client_abort';

/** The same for whoever looks at the answer. */
export const verdictOf = (why: Break): Verdict => (why === 'cut_off' ? 'truncated' : why);

const OUTCOME_OF: Record<Break, Outcome> = {
  client_abort: { kind: 'client_abort' },
  cut_off: { kind: 'client_abort' }, // no fault of the key's or of OpenRouter's
  stalled: { kind: 'timeout', detail: 'the upstream fell silent within its answer' },
  truncated: { kind: 'truncated', detail: 'the upstream broke off within its answer' },
};

/** Resolves when an answer's connection is done with it; says how it ended, given what broke it off. */
export async function closed(
  exchange: Exchange,
  broken: () => Break | undefined,
): Promise<Answered> {
  const { response } = exchange;
  if (!response.closed) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    response.once('close', () => resolve(undefined));
    await promise;
  }
  if (response.writableFinished && broken() === undefined) {
    exchange.verdict ??= 'complete';
    return { kind: 'answered', outcome: { kind: 'success', status: response.statusCode } };
  }
  const why = broken() ?? 'client_abort';
  exchange.verdict = verdictOf(why);
  return { kind: 'answered', outcome: OUTCOME_OF[why] };
}

/** Sends an answer whose body is all there, and which used so much. */
export async function deliver(
  exchange: Exchange,
  answer: { status: number; body: Buffer; headers: OutgoingHttpHeaders; usage: Usage | null },
): Promise<Answered> {
  exchange.answer(answer.status, answer.body, answer.headers);
  const end = await closed(exchange, () => undefined);
  return { ...end, usage: answer.usage };
}

/** Moves a body from the upstream to the client; `breakOff` is called with whatever ends it early. */
function pump(
  upstream: IncomingMessage,
  { response }: Exchange,
  { idleTimeoutMs, signal }: AnswerLimits,
  { breakOff, passed }: { breakOff: (why: Break) => void; passed: (chunk: Buffer) => void },
): () => void {
  const onAbort = () => breakOff(breakOf(signal.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  const silence = new SilenceWatch(idleTimeoutMs, () => {
    // A client that does not read keeps the upstream waiting: then the silence is the client's.
    breakOff(response.writableNeedDrain ? 'client_abort' : 'stalled');
  });
  upstream.on('data', (chunk: Buffer) => {
    silence.heard();
    passed(chunk);
    if (!response.write(chunk)) upstream.pause();
  });
  upstream.once('end', () => response.end());
  upstream.once('error', () => breakOff('truncated'));
  upstream.once('close', () => {
    if (!upstream.complete) breakOff('truncated');
  });
  response.on('drain', () => upstream.resume());
  return () => {
    silence.stop();
    signal.removeEventListener('abort', onAbort);
    if (!upstream.complete) upstream.destroy();
  };
}

/**
 * Sends an answer on to the client as it arrives, after what of it was read already, and says how it
 * ended. From here on nothing can be repeated. One that breaks off leaves the client's connection
 * broken too, without the final chunk: a cut answer must not look whole (RFC 9112, section 8).
 */
export async function relay(
  upstream: IncomingMessage,
  exchange: Exchange,
  limits: AnswerLimits,
  begun: readonly Buffer[] = [],
): Promise<Answered> {
  const { response } = exchange;
  const status = upstream.statusCode ?? 502;
  limits.onContent();
  exchange.writeHead(status, clientResponseHeaders(status, upstream.headers, limits.secret));
  for (const chunk of begun) response.write(chunk);
  /** What broke the answer off first: everything after that is a consequence. */
  let broken: Break | undefined;
  const breakOff = (why: Break) => {
    broken ??= why;
    response.destroy();
  };
  const tail = new StreamTail();
  const isCounted = limits.countsTokens && isModelAnswer(exchange, status);
  const passed = isCounted ? (chunk: Buffer) => tail.push(chunk) : () => undefined;
  const stop = pump(upstream, exchange, limits, { breakOff, passed });
  upstream.resume();
  // The head goes out with the first piece of the body, unless that keeps the client waiting.
  setImmediate(() => response.flushHeaders());
  const end = await closed(exchange, () => broken);
  stop();
  if (!isCounted) return end;
  return { ...end, usage: end.outcome.kind === 'success' ? tail.usage() : null };
}

function isModelAnswer({ api }: Exchange, status: number): boolean {
  return status === 200 && api !== null && api !== 'other';
}
