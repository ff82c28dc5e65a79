import type { Exchange } from '../../exchange.ts';

/** Whether the answer will be a JSON document, unless a stream is asked for. */
function isDocumentApi({ api, request }: Exchange): boolean {
  return api !== null && api !== 'other' && request.method === 'POST';
}

/**
 * Sends white space to a client that waits long for a JSON document, in every phase before the answer.
 * Proxies close a connection on which nothing comes (Cloudflare after 100 s).
 */
export class DocumentKeepalive {
  readonly #timer: NodeJS.Timeout | undefined;
  #isDocument: boolean;

  /** `afterMs` 0: nothing is sent. */
  constructor(exchange: Exchange, afterMs: number, wantsStream: () => boolean) {
    this.#isDocument = isDocumentApi(exchange);
    if (afterMs === 0) return;
    this.#timer = setInterval(() => {
      if (this.#isDocument && !wantsStream()) exchange.sendWhiteSpace();
    }, afterMs);
  }

  /** The head of an answer says that a document follows, which not every endpoint answers with. */
  expectDocument(): void {
    this.#isDocument = true;
  }

  /** Nothing is sent from here on: the answer itself begins, or is no document, or there is none. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
