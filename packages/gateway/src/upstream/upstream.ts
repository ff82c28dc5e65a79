import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { isRedirect, redirectFailure } from './redirect.ts';
import { UpstreamFailure } from './upstream-failure.ts';

/** One request to send upstream. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query on the upstream, byte for byte. */
  readonly path: string;
  /** The complete header set: nothing is added to it or taken from it. */
  readonly headers: OutgoingHttpHeaders;
  readonly body: { sendTo(upstream: Writable): void };
  /** Ends the attempt in every phase. */
  readonly signal: AbortSignal;
}

/** A response whose head is there. Its body is read as a stream. */
export interface UpstreamResponse extends Readable {
  /** 200 to 599. */
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  /** Whether the whole body has been received; one that is not is destroyed, and with it its connection. */
  readonly complete: boolean;
}

/** Sends requests to one upstream. */
export interface UpstreamEngine {
  /** Resolves with the response once its head is there, or with the reason why there is none. */
  send(request: UpstreamRequest): Promise<UpstreamResponse | UpstreamFailure>;
}

/** Creates a plain GET without a key, for what OpenRouter serves to everybody. Rejects with an UpstreamFailure. */
export function fetchFrom(engine: UpstreamEngine, baseUrl: URL) {
  const headers = { host: baseUrl.host, accept: 'application/json', 'accept-encoding': 'gzip' };
  const body = { sendTo: (clientRequest: Writable) => void clientRequest.end() };
  return async (path: string, signal: AbortSignal): Promise<UpstreamResponse> => {
    const response = await engine.send({ method: 'GET', path, headers, body, signal });
    if (response instanceof UpstreamFailure) throw response;
    if (!isRedirect(response.statusCode)) return response;
    response.destroy();
    throw redirectFailure(response, baseUrl);
  };
}
