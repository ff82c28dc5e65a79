import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Api, Usage } from '@openrouter-proxy/kms-protocol';
import type { Answered, AnswerLimits, AttemptEnd } from './attempt-end.ts';
import { decodeStream } from './decoding.ts';
import { withoutDoneEvent } from './done-event.ts';
import type { Exchange } from './exchange.ts';
import { GatewayError } from './gateway-error.ts';
import { heldEvent, streamHeaders } from './held-event.ts';
import { classifyErrorWithin } from './outcome.ts';
import { breakOf, closed, relay, verdictOf, type Break } from './relay.ts';
import { SilenceWatch } from './silence-watch.ts';
import { divideEvents, WholeEvents } from './sse-framing.ts';
import { streamEvents } from './stream-event.ts';
import { StreamTail } from './stream-tail.ts';
import { UpstreamFailure, type UpstreamFailureKind } from './upstream-failure.ts';
import { lastUsage, mergedUsage } from './usage.ts';

/** How much of a stream, and for how long, is held back for want of content in it. */
const MAX_HELD_BYTES = 64 * 1024;
const MAX_HELD_MS = 30_000;

const FAILURE_OF = {
  client_abort: 'aborted',
  cut_off: 'aborted',
  stalled: 'timeout',
  truncated: 'truncated',
} as const satisfies Record<Break, UpstreamFailureKind>;

/**
 * One upstream stream on its way to the client. Comments and pings pass at once. Events that only
 * announce an answer are held until the first one with content is there: up to then the stream may
 * fail without the client having seen anything of it, and another attempt's stream take its place.
 */
class StreamAnswer {
  readonly #upstream: IncomingMessage;
  readonly #source: Readable;
  readonly #exchange: Exchange;
  readonly #api: Api;
  readonly #limits: AnswerLimits;
  readonly #end = Promise.withResolvers<AttemptEnd>();
  readonly #events = new WholeEvents();
  readonly #tail = new StreamTail();
  readonly #silence: SilenceWatch;
  #patience: NodeJS.Timeout | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isCommitted = false;
  #hasEnded = false;
  #broken: Break | undefined;
  #usedAtFirst: Usage | null = null;

  constructor(
    upstream: IncomingMessage,
    source: Readable,
    about: { exchange: Exchange; api: Api; limits: AnswerLimits },
  ) {
    this.#upstream = upstream;
    this.#source = source;
    this.#exchange = about.exchange;
    this.#api = about.api;
    this.#limits = about.limits;
    this.#silence = new SilenceWatch(about.limits.idleTimeoutMs, () => this.#onSilence());
  }

  /** Passes the stream on; rejects with an UpstreamFailure while another attempt may take its place. */
  async run(): Promise<AttemptEnd> {
    const { response } = this.#exchange;
    const onDrain = () => this.#source.resume();
    response.on('drain', onDrain);
    this.#limits.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#source.on('error', () => undefined); // what it means is said by `close`
    this.#source.on('data', (chunk: Buffer) => this.#push(chunk));
    this.#source.once('end', () => this.#onEnd());
    this.#source.once('close', () => {
      if (!this.#hasEnded) this.#breakOff('truncated', 'broke off');
    });
    if (this.#limits.signal.aborted) this.#onAbort();
    try {
      return await this.#end.promise;
    } finally {
      response.off('drain', onDrain);
      this.#stop();
    }
  }

  #push(chunk: Buffer): void {
    this.#silence.heard();
    const whole = this.#events.push(chunk);
    if (whole.length === 0) return;
    if (this.#isCommitted) this.#forward(whole);
    else this.#judge(whole);
  }

  get #hasBegun(): boolean {
    return this.#isCommitted;
  }

  /** Takes in events before the first content, one by one. */
  #judge(whole: Buffer): void {
    let at = 0;
    for (const block of divideEvents(whole)) {
      const kinds = streamEvents(this.#api, block);
      const error = kinds.find((event) => event.kind === 'error');
      if (error !== undefined) {
        this.#refuse(error.body, block);
        return;
      }
      if (kinds.every(({ kind }) => kind === 'keep-alive')) this.#sendAtOnce(block);
      else this.#hold(block);
      at += block.length;
      const hasBegun = kinds.some(({ kind }) => kind !== 'keep-alive' && kind !== 'preamble');
      if (hasBegun || this.#heldBytes > MAX_HELD_BYTES) {
        this.#commit();
        this.#forward(whole.subarray(at));
        return;
      }
    }
  }

  #hold(block: Buffer): void {
    this.#held.push(block);
    this.#heldBytes += block.length;
    this.#patience ??= setTimeout(() => this.#commit(), MAX_HELD_MS);
  }

  #sendAtOnce(block: Buffer): void {
    this.#begin();
    this.#exchange.response.write(block);
  }

  /** From here on the answer has begun for the client: nothing can be repeated. */
  #commit(): void {
    clearTimeout(this.#patience);
    if (this.#isCommitted) return;
    this.#isCommitted = true;
    this.#limits.onContent();
    this.#begin();
    const held = Buffer.concat(this.#held);
    // Messages say at their beginning what the prompt was.
    if (this.#api === 'messages') this.#usedAtFirst = lastUsage(held);
    this.#forward(held);
    this.#held = [];
  }

  #begin(): void {
    this.#exchange.beginStream(streamHeaders(this.#upstream, this.#limits.secret));
  }

  #forward(whole: Buffer): void {
    this.#tail.push(whole);
    const passed = this.#api === 'messages' ? withoutDoneEvent(whole) : whole;
    if (passed.length > 0 && !this.#exchange.response.write(passed)) this.#source.pause();
  }

  #onEnd(): void {
    this.#hasEnded = true;
    const rest = this.#events.rest();
    if (this.#isCommitted) this.#forward(rest);
    else this.#judge(rest);
    if (this.#hasBegun) this.#finish();
    else this.#breakOff('truncated', 'ended its stream before any answer');
  }

  /** The stream is over, in order or not: its last events say which. */
  #finish(): void {
    const { response } = this.#exchange;
    const ending = this.#tail.ending(this.#api);
    if (ending.kind === 'open') {
      this.#breakOff('truncated', 'ended its stream within the answer');
      return;
    }
    response.end();
    const { headers } = this.#upstream;
    const whenSent = closed(this.#exchange, () => this.#broken).then((end): Answered => {
      if (this.#broken !== undefined) return { ...end, usage: null };
      if (ending.kind === 'whole') return { ...end, usage: this.#usage() };
      this.#exchange.verdict = 'error';
      const outcome = classifyErrorWithin(ending.body, headers);
      return { kind: 'answered', outcome, usage: null };
    });
    this.#settle(whenSent);
  }

  /** An error event before any content: another attempt may do better. */
  #refuse(body: string, block: Buffer): void {
    const outcome = classifyErrorWithin(body, this.#upstream.headers);
    const { secret } = this.#limits;
    const events = Buffer.concat([...this.#held, block]);
    const held = heldEvent(this.#upstream, events, secret);
    this.#settle({ kind: 'refused', outcome, held });
  }

  #onSilence(): void {
    const { response } = this.#exchange;
    // A client that does not read keeps the upstream waiting: then the silence is the client's.
    if (response.writableNeedDrain) this.#breakOff('client_abort', '');
    else this.#breakOff('stalled', `fell silent for ${this.#limits.idleTimeoutMs} ms`);
  }

  readonly #onAbort = (): void => this.#breakOff(breakOf(this.#limits.signal.reason), '');

  /** The stream ends before its time. Only the first reason counts: the others are consequences. */
  #breakOff(why: Break, what: string): void {
    if (this.#broken !== undefined) return;
    this.#broken = why;
    if (!this.#isCommitted) {
      this.#end.reject(new UpstreamFailure(FAILURE_OF[why], `the upstream ${what}`));
      return;
    }
    if (why === 'client_abort') this.#exchange.response.destroy();
    else this.#sayThatItBroke(why, what);
    const whenClosed = closed(this.#exchange, () => this.#broken);
    this.#settle(whenClosed.then((end): Answered => ({ ...end, usage: null })));
  }

  #usage(): Usage | null {
    return this.#limits.countsTokens ? mergedUsage(this.#usedAtFirst, this.#tail.usage()) : null;
  }

  /** A stream that breaks off says so in its own terms, and then does not end as a whole one would. */
  #sayThatItBroke(why: Break, what: string): void {
    if (this.#events.isWithinEvent) this.#exchange.response.write('\n\n');
    this.#exchange.verdict = verdictOf(why);
    const code = why === 'stalled' ? 'upstream_timeout' : 'upstream_failed';
    this.#exchange.answerError(
      why === 'cut_off'
        ? GatewayError.from(this.#limits.signal.reason)
        : new GatewayError(code, `The answer is not whole: OpenRouter ${what}.`),
    );
  }

  #settle(end: AttemptEnd | Promise<AttemptEnd>): void {
    this.#end.resolve(end);
  }

  #stop(): void {
    this.#silence.stop();
    clearTimeout(this.#patience);
    this.#limits.signal.removeEventListener('abort', this.#onAbort);
    this.#source.removeAllListeners('data');
    if (!this.#hasEnded) this.#source.destroy();
    if (!this.#upstream.complete) this.#upstream.destroy();
  }
}

/**
 * Passes a stream of events on to the client. What ends it before its first content rejects with an
 * UpstreamFailure or gives a `refused` end; after that it ends `answered`, whatever happens.
 */
export function answerStream(
  upstream: IncomingMessage,
  api: Api,
  exchange: Exchange,
  limits: AnswerLimits,
): Promise<AttemptEnd> {
  const source = decodeStream(upstream);
  if (source === undefined) return relay(upstream, exchange, limits);
  return new StreamAnswer(upstream, source, { exchange, api, limits }).run();
}
