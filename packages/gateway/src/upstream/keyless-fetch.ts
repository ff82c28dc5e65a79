import type { Writable } from 'node:stream';
import { isRedirect, redirectFailure } from './redirect.ts';
import { UpstreamFailure } from './upstream-failure.ts';
import type { UpstreamEngine, UpstreamResponse } from './upstream.ts';

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
