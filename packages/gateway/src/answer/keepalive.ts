import type { RequestContext } from '../response/request-context.ts';
import type { RequestIdentity } from '../request/request-progress.ts';

/** How often a client that waits for a stream gets a comment. */
const COMMENT_EVERY_MS = 5_000;

/** Why a stream has not begun. */
export type WaitReason = 'a key' | 'another attempt';

/** Whether the answer will be a JSON document, unless a stream is asked for. */
function isDocumentApi({ api, method }: RequestIdentity): boolean {
  return api !== null && api !== 'other' && method === 'POST';
}

/**
 * Sends something to a waiting client before the answer begins. Proxies close a connection on
 * which nothing comes (Cloudflare after 100 s), and some clients give up. A stream gets comments once its
 * request waits for a key or is repeated; a JSON document gets white space.
 */
export class Keepalive {
  readonly #writer: RequestContext['writer'];
  readonly #wantsStream: () => boolean;
  readonly #whiteSpace: NodeJS.Timeout | undefined;
  #isDocument: boolean;
  #comments: NodeJS.Timeout | undefined;
  #reason: WaitReason | null = null;

  /** `whiteSpaceAfterMs` 0: a document gets none. */
  constructor(
    { identity, writer }: RequestContext,
    whiteSpaceAfterMs: number,
    wantsStream: () => boolean,
  ) {
    this.#writer = writer;
    this.#wantsStream = wantsStream;
    this.#isDocument = isDocumentApi(identity);
    if (whiteSpaceAfterMs === 0) return;
    this.#whiteSpace = setInterval(() => {
      if (this.#isDocument && !wantsStream()) writer.sendWhiteSpace();
    }, whiteSpaceAfterMs);
  }

  /** Why a stream has not begun, for its comments; null: no comments, the upstream sends its own. */
  waitsFor(reason: WaitReason | null): void {
    this.#reason = reason;
    if (reason === null || !this.#wantsStream()) return;
    this.#comments ??= setInterval(() => {
      if (this.#reason !== null) this.#writer.sendComment(`waiting for ${this.#reason}`);
    }, COMMENT_EVERY_MS);
  }

  /** The head of the answer announces a JSON document. */
  expectDocument(): void {
    this.#isDocument = true;
  }

  /** The head of the answer announces a stream, which white space would damage. */
  expectStream(): void {
    this.#isDocument = false;
  }

  /** Nothing is sent any more: the answer itself begins, or the request is over. */
  stop(): void {
    clearInterval(this.#whiteSpace);
    clearInterval(this.#comments);
  }
}
