import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Api, Usage, Verdict } from '@openrouter-proxy/kms-protocol';
import { errorBody, GatewayError, type ErrorBodyContext } from '../errors/gateway-error.ts';
import { NO_RETRY, retryAdvice } from '../errors/retry-advice.ts';
import type { RequestIds } from './request-id.ts';
import { errorEvent } from '../errors/error-event.ts';

/** Why work on an exchange is stopped when nobody waits for its answer any more. */
export const CLIENT_GONE = new Error('the client went away');

/** How long a client may go on sending a body after its answer. */
const LINGER_MS = 1_000;

/** How long a client that reads slowly may take for the last bytes of an answer that breaks off. */
const FLUSH_MS = 5_000;

/** How long a client may take to read them: Bun forgets what it has not read when its connection breaks. */
const READ_MS = 200;

/** OpenRouter exposes the first four to browsers; the others are what this gateway adds. */
const EXPOSED =
  'X-Generation-Id, X-Provider-Name, request-id, cf-ray, X-Request-ID, Retry-After, X-Proxy-Attempts';

/** Failures that a client's own repetition cannot cure. */
const USELESS_TO_REPEAT: ReadonlySet<string> = new Set(['no_usable_key', 'too_many_wrong_keys']);

/**
 * One request and its answer, with everything the log and the metrics want to know of it. Every
 * answer's head is written here, so that each carries the gateway's header fields, once.
 */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What the client calls it, and its answer; other requests may have the same. */
  readonly id: string;
  readonly internalId: string;
  /** The path on OpenRouter's API, for the log; null for the gateway's own pages. */
  readonly path: string;
  readonly api: Api | null;
  /** The client's IP address; null if the connection was gone before it was read. */
  readonly address: string | null;
  readonly startedAt = performance.now();
  client: string | null = null;
  /** The model the request names; null while that is not known. */
  model: string | null = null;
  attempts = 0;
  keyName: string | null = null;
  verdict: Verdict | null = null;
  /** What went wrong, for the log: set where an error is answered. */
  failure: GatewayError | null = null;
  leaseMs = 0;
  /** Of `leaseMs`, the time for which no key could serve. */
  queuedMs = 0;
  upstreamMs = 0;
  firstByteMs: number | null = null;
  /** Until the answer's first content. */
  firstContentMs: number | null = null;
  /** What the answer used; null: nothing, or nobody says what. */
  usage: Usage | null = null;
  /** Whether something was used, and nobody says what. */
  isUsageUnknown = false;
  /** Number of the next event, for an error event of the gateway's own (OpenAI docs, "Responses streaming"). */
  nextSequenceNumber = 0;
  /** OpenRouter's name for what it generated. */
  generationId: string | null = null;
  #isStreaming = false;
  #isDocument = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    about: RequestIds & { path: string; api: Api | null; address: string | null },
  ) {
    this.request = request;
    this.response = response;
    this.id = about.id;
    this.internalId = about.internalId;
    this.path = about.path;
    this.api = about.api;
    this.address = about.address;
  }

  /** Resolves when nothing is done for it any more: what came of it may be known only after its answer has been sent. */
  get work(): Promise<unknown> {
    return this.#work;
  }

  /** Notes what is done for it, and gives it back. */
  workOn(work: Promise<void>): Promise<void> {
    this.#work = work.catch(() => undefined); // its failure is answered by who waits for it
    return work;
  }

  /** Milliseconds since the request's head was read. */
  get elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  /** Sends the head. */
  writeHead(status: number, headers: OutgoingHttpHeaders): void {
    this.firstByteMs = this.elapsedMs;
    if (this.#bodyIsUnread) headers.connection = 'close';
    if (this.api === 'messages') headers['request-id'] ??= this.id; // where Anthropic's SDKs look
    this.#isStreaming = String(headers['content-type']).startsWith('text/event-stream');
    this.response.writeHead(status, { ...headers, ...this.#ownHeaders() });
  }

  /** Answers with a JSON document. */
  answerJson(status: number, document: object, headers: OutgoingHttpHeaders = {}): void {
    this.answer(status, Buffer.from(JSON.stringify(document)), {
      'content-type': 'application/json',
      ...headers,
    });
  }

  /** Answers with a whole body. */
  answer(status: number, body: Buffer, headers: OutgoingHttpHeaders): void {
    const { response } = this;
    if (response.destroyed) return;
    if (this.#isDocument) {
      response.end(body);
      return;
    }
    if (response.headersSent) return;
    const unread = this.#bodyIsUnread;
    this.writeHead(status, { ...headers, 'content-length': body.length });
    if (!unread) {
      response.end(body);
      return;
    }
    response.flushHeaders();
    response.write(body);
    this.#endWhenBodyIsRead();
  }

  /** Answers with an error of the gateway's own, in the API's shape. */
  answerError(error: GatewayError): void {
    this.failure = error;
    const document = errorBody(error, this.#errorContext);
    if (this.hasBegun) {
      this.#endWithError(document);
      return;
    }
    const advice = retryAdvice(error.retryAfterMs, Date.now()).headers;
    const headers = { 'cache-control': 'no-store', ...advice };
    this.answerJson(error.status, document, { ...this.#advice(headers), ...headers });
  }

  get #errorContext(): ErrorBodyContext {
    return { requestId: this.id, anthropicShape: this.api === 'messages', now: Date.now() };
  }

  /** Passes on an error document of the upstream's; at the end of the answer where one has begun. */
  answerWithError(status: number, body: Buffer, headers: OutgoingHttpHeaders): void {
    if (!this.hasBegun) {
      this.answer(status, body, { ...this.#advice(headers), ...headers });
      return;
    }
    const document = parseObject(body) ?? errorBody(NO_WORDS, this.#errorContext);
    this.#endWithError(document);
  }

  /** Ends a stream that has begun with the upstream's own error event. */
  endWithEvents(events: Buffer): void {
    this.verdict = 'error';
    this.breakOff(events);
  }

  /** Whether the head of a stream of events has been sent. */
  get isStreaming(): boolean {
    return this.#isStreaming;
  }

  /** Whether white space has begun a JSON document. */
  get isDocument(): boolean {
    return this.#isDocument;
  }

  /** Whether an answer has begun that can still be any, an error included. */
  get hasBegun(): boolean {
    return this.#isStreaming || this.#isDocument;
  }

  /**
   * Sends white space, which JSON ignores before a document, so that no proxy on the way takes the
   * connection for dead (RFC 8259, section 2). The first time, the head goes out with it: it has to
   * fit the answer of any attempt.
   */
  sendWhiteSpace(): void {
    const { response } = this;
    if (response.destroyed) return;
    if (!this.#isDocument) {
      if (response.headersSent || this.#bodyIsUnread) return;
      this.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      this.#isDocument = true;
    }
    response.write('\n');
  }

  /** Sends the head of a stream, unless an earlier attempt, or the wait for a key, has begun it. */
  beginStream(headers: OutgoingHttpHeaders): void {
    if (this.response.headersSent) return;
    this.writeHead(200, headers);
    this.response.flushHeaders();
  }

  /** Lets a client that waits know that it has not been forgotten (HTML standard, "Server-sent events"). */
  sendComment(text: string): void {
    this.beginStream({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    this.response.write(`: ${text}\n\n`);
  }

  /** Ends an answer that has begun so that no client can take it for whole (RFC 9112, section 8). */
  breakOff(lastBytes: Buffer): void {
    const { response } = this;
    const end = () => {
      clearTimeout(timer);
      response.destroy();
    };
    let timer = setTimeout(end, FLUSH_MS);
    response.once('close', () => clearTimeout(timer));
    response.write(lastBytes, () => {
      clearTimeout(timer);
      if (!response.destroyed) timer = setTimeout(end, READ_MS);
    });
  }

  /** The status says 200 already: that the answer ends abnormally tells every client that it failed. */
  #endWithError(document: Record<string, unknown>): void {
    if (this.api === null) return;
    this.verdict ??= 'error';
    if (this.#isDocument) {
      this.breakOff(Buffer.from(JSON.stringify(document)));
      return;
    }
    const { id: requestId, model, nextSequenceNumber: sequenceNumber } = this;
    const context = { requestId, model, sequenceNumber, now: Date.now() };
    this.breakOff(errorEvent(this.api, document, context));
  }

  /** Clients that repeat failed requests by themselves need not repeat what was repeated in vain. */
  #advice(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
    const code = this.failure?.code ?? '';
    const inVain = this.attempts > 1 || USELESS_TO_REPEAT.has(code);
    return inVain && headers['retry-after'] === undefined ? NO_RETRY : {};
  }

  #ownHeaders(): OutgoingHttpHeaders {
    const upstream = this.attempts === 0 ? '' : `, upstream;dur=${this.upstreamMs.toFixed(2)}`;
    const headers: OutgoingHttpHeaders = {
      'x-request-id': this.id,
      'x-process-time': (this.elapsedMs / 1000).toFixed(6),
      'server-timing': `queue;dur=${this.queuedMs.toFixed(2)}, lease;dur=${(this.leaseMs - this.queuedMs).toFixed(2)}${upstream}`,
      'x-proxy-attempts': String(this.attempts),
    };
    if (this.api === null) return headers;
    headers['access-control-allow-origin'] = '*';
    headers['access-control-expose-headers'] = EXPOSED;
    return headers;
  }

  /** `complete` alone does not say it: of a request without a body Node sets it a moment too late. */
  get #bodyIsUnread(): boolean {
    const { complete, headers } = this.request;
    const announced =
      headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    return announced && !complete;
  }

  /**
   * An answer that comes before the end of the request's body ends the connection. A client still
   * sending would lose the answer to the reset that closing at once brings on (RFC 9112, section
   * 9.6), so what it sends is discarded for a moment.
   */
  #endWhenBodyIsRead(): void {
    const { request, response } = this;
    const end = () => {
      clearTimeout(timer);
      response.end();
    };
    const timer = setTimeout(end, LINGER_MS);
    request.once('close', end);
    request.resume();
  }
}

const NO_WORDS = new GatewayError(
  'upstream_failed',
  'OpenRouter returned an empty error response.',
);

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // HTML of the edge: it is no event
  }
}
