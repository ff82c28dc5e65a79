import type {
  Agent,
  ClientRequest,
  IncomingMessage,
  OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http';
import type { Writable } from 'node:stream';
import { createProxyServer } from 'http-proxy-3';
import { UpstreamFailure } from './upstream-failure.ts';

/** How long each phase of an attempt may take, in milliseconds. */
export interface UpstreamTimeouts {
  connectTimeoutMs: number;
  firstByteTimeoutMs: number;
}

/** One request to send upstream. */
export interface UpstreamRequest {
  method: string;
  /** Path and query on the upstream, byte for byte. */
  path: string;
  /** The complete header set: nothing is added to it or taken from it. */
  headers: OutgoingHttpHeaders;
  body: { sendTo(upstream: Writable): void };
  /** Ends the attempt in every phase. */
  signal: AbortSignal;
}

/** Sends requests to the upstream. */
export interface Upstream {
  /** Resolves with the response once its head is there; rejects with an UpstreamFailure. */
  send(request: UpstreamRequest): Promise<IncomingMessage>;
}

const nothing = () => undefined;

/**
 * One attempt, as http-proxy-3 sees it: a request made of exactly what is to be sent. The client's
 * own request and response never reach the library, so its header copying (hop-by-hop fields, the
 * client's credentials), its skipping of `proxyReq` under Expect, its URL normalisation and its
 * writing into a response that has begun cannot happen.
 */
class Attempt {
  readonly #request: UpstreamRequest;
  readonly #timeouts: UpstreamTimeouts;
  readonly #settled = Promise.withResolvers<IncomingMessage>();
  readonly #onAbort = () => this.#fail(new UpstreamFailure('aborted', 'the request was given up'));
  #clientRequest: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;

  constructor(request: UpstreamRequest, timeouts: UpstreamTimeouts) {
    this.#request = request;
    this.#timeouts = timeouts;
    this.#arm(timeouts.connectTimeoutMs, 'connect');
    request.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get response(): Promise<IncomingMessage> {
    return this.#settled.promise;
  }

  /** What http-proxy-3 takes for the client's request. */
  get incoming() {
    const { method, path, headers } = this.#request;
    return {
      method,
      url: path,
      headers,
      httpVersionMajor: 1,
      socket: { destroyed: false },
      on: nothing,
    };
  }

  /** What http-proxy-3 takes for the body: it calls `pipe` with the request it has opened. */
  get buffer() {
    return { pipe: (clientRequest: ClientRequest) => this.#start(clientRequest) };
  }

  readonly fail = (error: NodeJS.ErrnoException) => {
    const kind = this.#connected ? 'broken' : 'connect';
    const reused = this.#clientRequest?.reusedSocket === true;
    this.#fail(new UpstreamFailure(kind, error.message, { cause: error, reused }));
  };

  #start(clientRequest: ClientRequest): void {
    this.#clientRequest = clientRequest;
    if (this.#request.signal.aborted) {
      this.#onAbort();
      return;
    }
    clientRequest.once('socket', (socket) => {
      const ready = 'encrypted' in socket ? 'secureConnect' : 'connect';
      if (clientRequest.reusedSocket || !socket.connecting) this.#onConnect();
      else socket.once(ready, () => this.#onConnect());
    });
    clientRequest.once('finish', () => this.#arm(this.#timeouts.firstByteTimeoutMs, 'first byte'));
    clientRequest.once('response', (response) => this.#onResponse(response));
    // Protocol switches are never asked for; a response that switches is not one to relay.
    clientRequest.once('upgrade', (_response, socket) => {
      socket.destroy();
      this.#fail(new UpstreamFailure('invalid', 'the upstream switched protocols'));
    });
    this.#request.body.sendTo(clientRequest);
  }

  #onConnect(): void {
    this.#connected = true;
    clearTimeout(this.#timer);
  }

  #onResponse(response: IncomingMessage): void {
    const { statusCode = 0 } = response;
    if (statusCode < 200 || statusCode > 599) {
      response.resume();
      this.#fail(new UpstreamFailure('invalid', `the upstream answered with status ${statusCode}`));
      return;
    }
    this.#finish();
    this.#settled.resolve(response);
  }

  #arm(ms: number, phase: 'connect' | 'first byte'): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const what = phase === 'connect' ? 'no connection' : 'no answer';
      this.#fail(new UpstreamFailure('timeout', `${what} from the upstream within ${ms} ms`));
    }, ms);
  }

  #fail(failure: UpstreamFailure): void {
    this.#finish();
    this.#settled.reject(failure);
    this.#clientRequest?.destroy();
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }
}

/** Creates the way to the upstream at `baseUrl`'s origin. */
export function createUpstream(baseUrl: URL, agent: Agent, timeouts: UpstreamTimeouts): Upstream {
  const proxy = createProxyServer({
    target: baseUrl.origin,
    agent,
    selfHandleResponse: true,
    toProxy: true, // the path is sent as it is
    prependPath: false,
  });
  // http-proxy-3 reads three members of the client's response and listens to one event on it.
  const outgoing = { headersSent: false, finished: false, writableFinished: true, on: nothing };
  return {
    send(request) {
      const attempt = new Attempt(request, timeouts);
      // The casts: stand-ins with exactly the members that the library's `web` pass reads.
      proxy.web(
        attempt.incoming as unknown as IncomingMessage,
        outgoing as unknown as ServerResponse,
        { buffer: attempt.buffer as unknown as NodeJS.ReadableStream & { pipe: never } },
        attempt.fail,
      );
      return attempt.response;
    },
  };
}

/** Creates a plain GET without a key, for what OpenRouter serves to anybody. */
export function fetchFrom(upstream: Upstream, baseUrl: URL) {
  const headers = { host: baseUrl.host, accept: 'application/json', 'accept-encoding': 'gzip' };
  const body = { sendTo: (clientRequest: Writable) => void clientRequest.end() };
  return (path: string, signal: AbortSignal): Promise<IncomingMessage> =>
    upstream.send({ method: 'GET', path, headers, body, signal });
}
