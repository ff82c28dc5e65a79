import type { Exchange } from '../../exchange.ts';

/** Whether the answer will be a JSON document, unless a stream is asked for. */
function mayWaitForDocument({ api, request }: Exchange): boolean {
  return api !== null && api !== 'other' && request.method === 'POST';
}

/**
 * Sends white space to a client that waits long for a JSON document, in every phase before the answer.
 * Proxies close a connection on which nothing comes (Cloudflare after 100 s).
 */
export class DocumentKeepalive {
  readonly #timer: NodeJS.Timeout | undefined;

  /** `afterMs` 0: nothing is sent. */
  constructor(exchange: Exchange, afterMs: number, wantsStream: () => boolean) {
    if (afterMs === 0 || !mayWaitForDocument(exchange)) return;
    this.#timer = setInterval(() => {
      if (!wantsStream()) exchange.sendWhiteSpace();
    }, afterMs);
  }

  /** Nothing is sent from here on: the answer itself begins, or there is none. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
