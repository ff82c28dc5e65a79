import type { Readable } from 'node:stream';
import type { Usage } from '@openrouter-proxy/kms-protocol';
import { GatewayError } from '../errors/gateway-error.ts';
import { answerError } from '../response/error-answer.ts';
import type { RequestContext } from '../response/request-context.ts';
import { errorInsteadOf } from '../outcome/key-refusal.ts';
import { classifyErrorWithin } from '../outcome/outcome.ts';
import type { StreamError } from '../streams/passing.ts';
import { StreamRelay, type RelayEnd, type RelayStep } from '../streams/relay.ts';
import { decodeStream } from '../upstream/decoding.ts';
import { IdleTimer } from '../upstream/idle-timer.ts';
import { UpstreamFailure } from '../upstream/upstream-failure.ts';
import type { UpstreamResponse } from '../upstream/upstream.ts';
import { answered, breakOf, FAILURE_OF, whenClosed, type Break } from './answer-end.ts';
import {
  failedAttempt,
  type Answered,
  type AnswerOptions,
  type AttemptResult,
} from './attempt-result.ts';
import { ClientStream } from './client-stream.ts';
import { withoutKey } from './deferred-error.ts';
import { relay } from './passthrough.ts';

/** How long events that only announce an answer are held back. */
const MAX_HELD_MS = 30_000;
/** How long the upstream is read on for the usage, after the client has its whole answer. */
const READ_ON_MS = 2_000;

type Refused = Extract<RelayStep, { kind: 'refused' }>;

/** One upstream stream on its way to the client: the sockets and timers around a StreamRelay. */
class StreamAnswer {
  readonly #upstream: UpstreamResponse;
  readonly #source: Readable;
  readonly #context: RequestContext;
  readonly #options: AnswerOptions;
  readonly #end = Promise.withResolvers<AttemptResult>();
  readonly #relay: StreamRelay;
  readonly #client: ClientStream;
  readonly #silence: IdleTimer;
  #timer: NodeJS.Timeout | undefined;
  #hasContent = false;
  /**
   * `reading on`: the client has its whole answer, and the upstream may still report the usage. `over`: nothing
   * of the upstream is read any more.
   */
  #phase: 'relaying' | 'reading on' | 'over' = 'relaying';
  #broken: Break | undefined;

  constructor(
    upstream: UpstreamResponse,
    source: Readable,
    context: RequestContext,
    options: AnswerOptions,
  ) {
    this.#upstream = upstream;
    this.#source = source;
    this.#context = context;
    this.#options = options;
    this.#relay = new StreamRelay(context.identity.api ?? 'other');
    const { secret } = options;
    const { headers } = upstream;
    this.#client = new ClientStream(context.writer, source, { headers, secret });
    this.#silence = new IdleTimer(options.forwarding.idleTimeoutMs, () => this.#onSilence());
  }

  /** Passes the stream on. */
  async run(): Promise<AttemptResult> {
    const { signal } = this.#options.cancellation;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#source.on('error', () => undefined); // `close` follows
    this.#source.on('data', (chunk: Buffer) => this.#push(chunk));
    this.#source.once('end', () => this.#onEnd());
    this.#source.once('close', () => this.#breakOff('truncated', 'broke off'));
    if (signal.aborted) this.#onAbort();
    try {
      return await this.#end.promise;
    } finally {
      this.#silence.stop();
      this.#client.stop();
      signal.removeEventListener('abort', this.#onAbort);
    }
  }

  #push(chunk: Buffer): void {
    if (this.#phase === 'over') return;
    this.#silence.heard();
    const step = this.#relay.push(chunk);
    if (this.#phase === 'reading on') return;
    this.#send(step.bytes);
    if (step.kind === 'refused') this.#refuse(step);
    else if (this.#relay.error !== null) this.#endWithError(this.#relay.error);
    else if (this.#relay.isHolding) {
      this.#timer ??= setTimeout(() => this.#send(this.#relay.commit()), MAX_HELD_MS);
    }
  }

  /** Sends bytes to the client. One that does not read holds the upstream back, in every phase. */
  #send(bytes: Buffer): void {
    if (this.#relay.isCommitted && !this.#hasContent) {
      this.#hasContent = true;
      clearTimeout(this.#timer);
      this.#options.onContent();
    }
    this.#client.send(bytes);
  }

  #onEnd(): void {
    if (this.#phase === 'over') return;
    const end = this.#relay.end();
    if (this.#phase === 'reading on') {
      this.#settleRead(end);
      return;
    }
    this.#send(end.bytes);
    if (end.kind === 'refused') this.#refuse(end);
    else if (end.kind === 'open') this.#breakOff('truncated', this.#endsEarly);
    else if (end.kind === 'failed') this.#endWithError(end.error, end);
    else this.#finish(end.usage);
  }

  get #endsEarly(): string {
    const where = this.#hasContent ? 'within the answer' : 'before any answer';
    return `ended its stream ${where}`;
  }

  /** The client has the whole answer. */
  #finish(usage: Usage | null): void {
    this.#client.flush();
    this.#context.writer.response.end();
    this.#settle(this.#whenSent(usage));
  }

  async #whenSent(usage: Usage | null): Promise<Answered> {
    const { response } = this.#context.writer;
    await whenClosed(response);
    const sent = answered(response, this.#broken);
    if (this.#broken === undefined) return { ...sent, usage: this.#counted(usage) };
    return this.#hasTakenAll ? this.#complete(usage) : { ...sent, usage: null };
  }

  /** Whether a client that left had received everything sent so far. */
  get #hasTakenAll(): boolean {
    return this.#broken === 'client_abort' && !this.#client.isBlocked;
  }

  #complete(usage: Usage | null): Answered {
    const outcome = { kind: 'success', status: 200 } as const;
    return { kind: 'answered', outcome, verdict: 'complete', usage: this.#counted(usage) };
  }

  #counted(usage: Usage | null): Usage | null {
    return this.#options.metrics.tokens ? usage : null;
  }

  /**
   * The upstream reports an error within the answer. Its event passes, unless it is about a key of the
   * pool. An end in order behind it would make some clients take the beginning for the whole.
   */
  #endWithError({ body, event }: StreamError, end?: RelayEnd): void {
    const own = errorInsteadOf(classifyErrorWithin(body, this.#upstream.headers), false);
    this.#client.flush();
    if (own === undefined)
      this.#context.writer.endWithError(withoutKey(event, this.#options.secret));
    else answerError(this.#context, own, this.#relay.nextSequenceNumber);
    if (end === undefined) this.#readOn();
    else this.#settleRead(end);
  }

  #readOn(): void {
    this.#phase = 'reading on';
    this.#silence.stop();
    this.#source.resume();
    this.#timer = setTimeout(() => this.#settleRead(this.#relay.end()), READ_ON_MS);
  }

  #settleRead(end: RelayEnd): void {
    const usage = end.kind === 'whole' ? end.usage : null;
    if (end.kind !== 'failed') this.#settle(this.#complete(usage));
    else {
      const outcome = classifyErrorWithin(end.error.body, this.#upstream.headers);
      this.#settle({ kind: 'answered', outcome, verdict: 'error', usage: null });
    }
  }

  /** An error event before any content: another attempt may do better. */
  #refuse(refused: Refused): void {
    const { headers } = this.#upstream;
    const { body, events } = refused;
    const outcome = classifyErrorWithin(body, headers);
    const { secret } = this.#options;
    const error = { kind: 'events', body, events, headers, outcome, secret } as const;
    this.#settle({ kind: 'refused', outcome, error });
  }

  #onSilence(): void {
    const { response } = this.#context.writer;
    if (this.#phase === 'over') {
      // Everything has been written, and the client does not read the rest.
      this.#broken = 'client_abort';
      response.destroy();
      return;
    }
    // A client that does not read pauses the upstream: then the client is the silent one.
    if (response.writableNeedDrain) this.#breakOff('client_abort', '');
    else this.#breakOff('stalled', `fell silent for ${this.#options.forwarding.idleTimeoutMs} ms`);
  }

  readonly #onAbort = (): void => {
    const why = breakOf(this.#options.cancellation.reason);
    this.#broken ??= why; // the end of a whole answer may still be on its way to the client
    if (this.#phase !== 'relaying') return;
    // Many clients close the connection at the last event that they need.
    if (this.#hasTakenAll && this.#relay.ending !== 'open') this.#readOn();
    else this.#breakOff(why, '');
  };

  /** The stream ends too early. */
  #breakOff(why: Break, what: string): void {
    if (this.#phase === 'over') return;
    const isUpstreams = FAILURE_OF[why] !== 'aborted';
    if (isUpstreams && (this.#phase === 'reading on' || this.#relay.ending === 'ended')) {
      this.#onEnd(); // the upstream broke off after its last event
      return;
    }
    this.#broken = why;
    if (!this.#hasContent) {
      this.#stop();
      this.#end.resolve(
        failedAttempt(new UpstreamFailure(FAILURE_OF[why], `the upstream ${what}`)),
      );
      return;
    }
    if (why === 'client_abort') this.#context.writer.response.destroy();
    else this.#sayThatItBroke(why, what);
    this.#settle(this.#whenBroken());
  }

  async #whenBroken(): Promise<Answered> {
    const { response } = this.#context.writer;
    await whenClosed(response);
    return { ...answered(response, this.#broken), usage: null };
  }

  /** Ends a broken stream with an error event of its API, and then without its regular end. */
  #sayThatItBroke(why: Break, what: string): void {
    if (this.#relay.isWithinEvent) this.#context.writer.response.write('\n\n');
    const code = why === 'stalled' ? 'upstream_timeout' : 'upstream_failed';
    const { reason } = this.#options.cancellation;
    const error =
      why === 'cut_off' && reason?.kind === 'error'
        ? reason.error
        : new GatewayError(code, `The answer is not whole: OpenRouter ${what}.`);
    answerError(this.#context, error, this.#relay.nextSequenceNumber);
  }

  #settle(end: AttemptResult | Promise<AttemptResult>): void {
    this.#stop();
    this.#end.resolve(end);
  }

  /** Stops reading the upstream. Destroys a stream that has not ended. */
  #stop(): void {
    this.#phase = 'over';
    clearTimeout(this.#timer);
    if (!this.#source.readableEnded) this.#source.destroy();
    if (!this.#upstream.complete) this.#upstream.destroy();
  }
}

/**
 * Passes a stream of events on to the client. What ends it before its first content gives a `failed` or
 * `refused` result; after that it is `answered`, whatever happens.
 */
export function answerStream(
  upstream: UpstreamResponse,
  context: RequestContext,
  options: AnswerOptions,
): Promise<AttemptResult> {
  const source = decodeStream(upstream);
  if (source === undefined) return relay(upstream, context, options);
  return new StreamAnswer(upstream, source, context, options).run();
}
