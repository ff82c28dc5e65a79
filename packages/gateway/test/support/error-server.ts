import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { answerError } from '../../src/response/error-answer.ts';
import { RequestContext } from '../../src/response/request-context.ts';
import type { GatewayError } from '../../src/errors/gateway-error.ts';
import { parseTarget } from '../../src/http/request-target.ts';
import { BEGINNINGS, ENDS, isStreamed } from './sdk-streams.ts';

/** What the answer to every request is. */
export interface ErrorScript {
  error: GatewayError;
  /** How many requests get it, of all if left out. Those after them get a stream that says "Hello". */
  times?: number;
  /** Within a stream that has begun, or instead of an answer. */
  where: 'document' | 'stream';
}

/** A server that answers as a script says. */
export interface ErrorServer {
  readonly url: string;
  /** Requests so far. */
  readonly requests: () => number;
}

/** A server that answers with an error as the gateway does. */
export async function startErrorServer(script: ErrorScript): Promise<ErrorServer> {
  let requests = 0;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const target = parseTarget(path);
    const api = target.kind === 'api' ? target.api : null;
    const identity = {
      id: 'r-1',
      internalId: 'r-1',
      method: 'POST',
      path,
      api,
      route: null,
      address: null,
    };
    const context = new RequestContext(request, response, identity, () => undefined);
    requests += 1;
    const isOver = requests > (script.times ?? Infinity);
    request.resume().once('end', () => {
      if (isStreamed(api) && (script.where === 'stream' || isOver)) {
        context.writer.beginStream({ 'content-type': 'text/event-stream' });
        response.write(BEGINNINGS[api]);
        if (isOver) {
          response.end(ENDS[api]);
          return;
        }
      }
      answerError(context, script.error, 4);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  return { url: `http://127.0.0.1:${port}`, requests: () => requests };
}
