import type { IncomingHttpHeaders } from 'node:http';
import { decodeBody } from './decoding.ts';
import { readResponseBody } from './response-body.ts';
import { UpstreamFailure } from './upstream-failure.ts';
import type { UpstreamEngine } from './upstream.ts';

/** A GET of the gateway's own, under a key. */
export interface DocumentRequest {
  /** Path and query below the base URL. */
  readonly path: string;
  readonly secret: string;
  readonly signal: AbortSignal;
  readonly maxBytes: number;
  /** The longest silence within the answer, in milliseconds. */
  readonly idleMs: number;
}

/** A whole answer. What does not fit, or cannot be decoded, is left out of the body. */
export interface DocumentAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Gets a document for the gateway itself. Resolves with the failure if there is no answer. */
export async function getDocument(
  engine: UpstreamEngine,
  baseUrl: URL,
  { path, secret, signal, maxBytes, idleMs }: DocumentRequest,
): Promise<DocumentAnswer | UpstreamFailure> {
  const response = await engine.send({
    method: 'GET',
    path: `${baseUrl.pathname.replace(/\/$/, '')}${path}`,
    headers: { host: baseUrl.host, accept: 'application/json', authorization: `Bearer ${secret}` },
    body: { sendTo: (request) => void request.end() },
    signal,
  });
  if (response instanceof UpstreamFailure) return response;
  const read = await readResponseBody(response, { maxBytes, idleMs, signal });
  if (read instanceof UpstreamFailure) return read;
  if (!read.whole) response.destroy();
  const { statusCode: status, headers } = response;
  const body = decodeBody(Buffer.concat(read.chunks), headers, maxBytes)?.toString('utf8') ?? '';
  return { status, headers, body };
}
