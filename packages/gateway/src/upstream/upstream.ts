import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { UpstreamFailure } from './upstream-failure.ts';

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
