import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestEnd } from '../request/request-end.ts';
import { RequestProgress, type RequestIdentity } from '../request/request-progress.ts';
import { requestRecord, type RequestRecord } from '../request/request-record.ts';
import { ResponseWriter } from './response-writer.ts';

/** One request while it is served: its head, what becomes known of it, and the writer of its answer. */
export class RequestContext {
  readonly request: IncomingMessage;
  readonly identity: RequestIdentity;
  readonly progress = new RequestProgress();
  readonly writer: ResponseWriter;
  readonly #onFinished: (record: RequestRecord) => void;
  #end: RequestEnd | null = null;
  #isClosed = false;

  /** `onFinished` is called once: when the work has ended and the connection is done with the answer. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    identity: RequestIdentity,
    onFinished: (record: RequestRecord) => void,
  ) {
    this.request = request;
    this.identity = identity;
    this.writer = new ResponseWriter(request, response, identity, this.progress);
    this.#onFinished = onFinished;
    response.once('close', () => {
      this.#isClosed = true;
      this.#finishIfOver();
    });
  }

  /** Notes how the work ended: usage may become known only after the answer has been sent. */
  workEnded(end: RequestEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#finishIfOver();
  }

  #finishIfOver(): void {
    if (!this.#isClosed || this.#end === null) return;
    const { authorization, 'x-api-key': apiKey } = this.request.headers;
    const hasCredential = authorization !== undefined || apiKey !== undefined;
    const about = { ...this.identity, hasCredential };
    this.#onFinished(requestRecord(about, this.progress, this.writer.state, this.#end));
  }
}
