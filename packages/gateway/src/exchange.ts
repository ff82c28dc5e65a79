import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Api } from '@openrouter-proxy/kms-protocol';
import { errorBody, type GatewayError } from './gateway-error.ts';

/** Why work on an exchange is stopped when nobody waits for its answer any more. */
export const CLIENT_GONE = new Error('the client went away');

/** How long a client may go on sending a body after its answer. */
const LINGER_MS = 1_000;

/** How a relayed answer ended. */
export type Verdict = 'complete' | 'error' | 'truncated' | 'client_abort' | 'stalled';

/** OpenRouter exposes the first four to browsers; the others are what this gateway adds. */
const EXPOSED =
  'X-Generation-Id, X-Provider-Name, request-id, cf-ray, X-Request-ID, Retry-After, X-Proxy-Attempts';

/**
 * One request and its answer, with everything the log and the metrics want to know of it. Every
 * answer's head is written here, so that each carries the gateway's header fields, once.
 */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  /** The path on OpenRouter's API, for the log; null for the gateway's own pages. */
  readonly path: string;
  readonly api: Api | null;
  readonly startedAt = performance.now();
  client: string | null = null;
  attempts = 0;
  keyName: string | null = null;
  verdict: Verdict | null = null;
  /** What went wrong, for the log: set where an error is answered. */
  failure: GatewayError | null = null;
  leaseMs = 0;
  upstreamMs = 0;
  firstByteMs: number | null = null;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    about: { id: string; path: string; api: Api | null },
  ) {
    this.request = request;
    this.response = response;
    this.id = about.id;
    this.path = about.path;
    this.api = about.api;
  }

  /** Milliseconds since the request's head was read. */
  get elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  /** Sends the head. */
  writeHead(status: number, headers: OutgoingHttpHeaders): void {
    this.firstByteMs = this.elapsedMs;
    if (this.#bodyIsUnread) headers.connection = 'close';
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
    if (response.headersSent || response.destroyed) return;
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
    const waiting =
      error.retryAfterMs === undefined
        ? {}
        : { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))) };
    const document = errorBody(error, this.id, this.api === 'messages');
    this.answerJson(error.status, document, { 'cache-control': 'no-store', ...waiting });
  }

  #ownHeaders(): OutgoingHttpHeaders {
    const upstream = this.attempts === 0 ? '' : `, upstream;dur=${this.upstreamMs.toFixed(2)}`;
    const headers: OutgoingHttpHeaders = {
      'x-request-id': this.id,
      'x-process-time': (this.elapsedMs / 1000).toFixed(6),
      'server-timing': `queue;dur=0, lease;dur=${this.leaseMs.toFixed(2)}${upstream}`,
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
