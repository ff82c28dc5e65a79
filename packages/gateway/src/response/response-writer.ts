import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { AnswerState } from '../request/request-record.ts';
import type { RequestIdentity, RequestProgress } from '../request/request-progress.ts';
import { breakOff, endAfterBody, hasUnreadBody } from './connection-end.ts';
import { ownHeaders } from './own-headers.ts';

/** Writes the answer of one request. Every head is written here, with the gateway's own header fields. */
export class ResponseWriter {
  readonly response: ServerResponse;
  readonly #request: IncomingMessage;
  readonly #identity: RequestIdentity;
  readonly #progress: RequestProgress;
  #firstByteMs: number | null = null;
  /** What kind of answer has begun that can still turn into an error. */
  #begun: 'stream' | 'document' | null = null;
  #endedWithError = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    identity: RequestIdentity,
    progress: RequestProgress,
  ) {
    this.response = response;
    this.#request = request;
    this.#identity = identity;
    this.#progress = progress;
  }

  /** Whether the head of an event stream has been sent. */
  get isStreaming(): boolean {
    return this.#begun === 'stream';
  }

  /** Whether white space has begun a JSON document. */
  get isDocument(): boolean {
    return this.#begun === 'document';
  }

  /** Whether an answer has begun that can still turn into an error. */
  get hasBegun(): boolean {
    return this.#begun !== null;
  }

  /** What the log and the metrics need of the answer. */
  get state(): AnswerState {
    const { headersSent, statusCode, writableFinished: isSent } = this.response;
    const status = headersSent ? statusCode : null;
    return { status, firstByteMs: this.#firstByteMs, isSent, endedWithError: this.#endedWithError };
  }

  /** Sends the head. */
  writeHead(status: number, headers: OutgoingHttpHeaders): void {
    const { elapsedMs, known } = this.#progress;
    this.#firstByteMs = elapsedMs;
    if (hasUnreadBody(this.#request)) headers.connection = 'close';
    // Anthropic's SDKs look for the id here.
    if (this.#identity.api === 'messages') headers['request-id'] ??= this.#identity.id;
    if (String(headers['content-type']).startsWith('text/event-stream')) this.#begun = 'stream';
    this.response.writeHead(status, {
      ...headers,
      ...ownHeaders(this.#identity, known, elapsedMs),
    });
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
    if (this.isDocument) {
      response.end(body);
      return;
    }
    if (response.headersSent) return;
    const isUnread = hasUnreadBody(this.#request);
    this.writeHead(status, { ...headers, 'content-length': body.length });
    if (!isUnread) {
      response.end(body);
      return;
    }
    response.flushHeaders();
    response.write(body);
    endAfterBody(this.#request, response);
  }

  /** Sends the head of a stream, unless an earlier attempt or a comment has sent it. */
  beginStream(headers: OutgoingHttpHeaders): void {
    if (this.response.headersSent) return;
    this.writeHead(200, headers);
    this.response.flushHeaders();
  }

  /** Sends a comment, which keeps a waiting stream alive (HTML standard, "Server-sent events"). */
  sendComment(text: string): void {
    this.beginStream({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    this.response.write(`: ${text}\n\n`);
  }

  /**
   * Sends white space, which JSON ignores before a document, so that no proxy closes the connection as
   * idle (RFC 8259, section 2). The first time, it sends the head too: one that fits the answer of
   * every attempt.
   */
  sendWhiteSpace(): void {
    const { response } = this;
    if (response.destroyed) return;
    if (!this.isDocument) {
      if (response.headersSent || hasUnreadBody(this.#request)) return;
      this.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      this.#begun = 'document';
    }
    response.write('\n');
  }

  /** Ends an answer that has begun with an error. Its abnormal end tells every client that it failed. */
  endWithError(lastBytes: Buffer): void {
    this.#endedWithError = true;
    breakOff(this.response, lastBytes);
  }
}
