import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long a client may go on sending its body after the answer. */
const LINGER_MS = 1_000;

/** How long a slow client may take to receive the last bytes of an answer that breaks off. */
const FLUSH_MS = 5_000;

/** How long a client may take to read them: Bun discards what it has not read when the connection breaks. */
const READ_MS = 200;

/**
 * Whether some of a request's body has not been read. `complete` alone does not tell: Node sets it
 * only after the handler was called, also for a request without a body.
 */
export function hasUnreadBody({ complete, headers }: IncomingMessage): boolean {
  const isAnnounced =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return isAnnounced && !complete;
}

/**
 * Ends an answer that was sent before the request's body was read, and with it the connection. Closing
 * at once would reset the connection of a client that is still sending, and lose the answer (RFC 9112,
 * section 9.6), so its bytes are discarded for up to a second.
 */
export function endAfterBody(request: IncomingMessage, response: ServerResponse): void {
  const timer = setTimeout(() => response.end(), LINGER_MS);
  request.once('close', () => {
    clearTimeout(timer);
    response.end();
  });
  request.resume();
}

/** Ends an answer that has begun without its regular end, so that no client takes it for whole (RFC 9112, section 8). */
export function breakOff(response: ServerResponse, lastBytes: Buffer): void {
  let timer = setTimeout(() => response.destroy(), FLUSH_MS);
  response.once('close', () => clearTimeout(timer));
  response.write(lastBytes, () => {
    clearTimeout(timer);
    if (!response.destroyed) timer = setTimeout(() => response.destroy(), READ_MS);
  });
}
