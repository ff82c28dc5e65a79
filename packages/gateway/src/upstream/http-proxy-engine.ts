import type { Agent, ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Stream } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { GatewayConfiguration } from '@openrouter-proxy/config';
import { createProxyServer } from 'http-proxy-3';
import { connectionWords, UpstreamFailure } from './upstream-failure.ts';
import type { UpstreamEngine, UpstreamRequest, UpstreamResponse } from './upstream.ts';

const nothing = () => undefined;

/** OpenSSL's and Node's codes for an untrusted certificate, and for a server that does not speak TLS. */
const NEEDS_MENDING = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_|EPROTO/;

/** The most interim responses (1xx) before the response. More are a fault, or an attack. */
const MAX_INTERIM = 100;

/** If the other side has closed one idle connection, it has mostly closed others: the next attempt opens a new one. */
function closeIdleConnections(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

/** The settings that an attempt depends on. */
type Timeouts = Pick<GatewayConfiguration['upstream'], 'connectTimeoutMs' | 'firstByteTimeoutMs'>;

/** What every attempt of one upstream shares. */
interface AttemptDeps {
  readonly agent: Agent;
  readonly timeouts: Timeouts;
}

/** Whether a response has a status that may be passed on. */
function isUsable(response: IncomingMessage): response is IncomingMessage & UpstreamResponse {
  const { httpVersionMajor, statusCode = 0 } = response;
  return httpVersionMajor === 1 && statusCode >= 200 && statusCode <= 599;
}

/**
 * One attempt, as http-proxy-3 sees it: a request with exactly the bytes to send. The client's
 * own request and response never reach the library, so its header copying (hop-by-hop fields, the
 * client's credentials), its skipping of `proxyReq` under Expect, its URL normalisation and its
 * writing into a response that has begun cannot happen.
 */
class Attempt {
  readonly #request: UpstreamRequest;
  readonly #deps: AttemptDeps;
  readonly #result = Promise.withResolvers<UpstreamResponse | UpstreamFailure>();
  readonly #onAbort = () => {
    const beforeWork = !this.#connected;
    this.#fail(new UpstreamFailure('aborted', 'the request was given up', { beforeWork }));
  };
  #clientRequest: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;
  #hasResponse = false;
  #readBefore = 0;
  #interim = 0;

  constructor(request: UpstreamRequest, deps: AttemptDeps) {
    this.#request = request;
    this.#deps = deps;
    this.#arm(deps.timeouts.connectTimeoutMs, 'connect');
    request.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** The head of the response, or the reason why there is none. */
  get result(): Promise<UpstreamResponse | UpstreamFailure> {
    return this.#result.promise;
  }

  /** Stands in for the client's request. */
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

  /** Stands in for the body: http-proxy-3 calls `pipe` with the request that it has opened. */
  get buffer() {
    return { pipe: (clientRequest: ClientRequest) => this.#start(clientRequest) };
  }

  readonly fail = (error: Error) => {
    // After its head, the response itself tells how it ended: it may be whole in spite of an error.
    if (this.#hasResponse) return;
    const message = connectionWords(error);
    if (!this.#connected) {
      const mayPass = !('code' in error) || !NEEDS_MENDING.test(String(error.code));
      this.#fail(new UpstreamFailure('connect', message, { cause: error, mayPass }));
      return;
    }
    // The other side may have closed a kept connection before it saw the request on it.
    const answered = (this.#clientRequest?.socket?.bytesRead ?? 0) > this.#readBefore;
    if ('code' in error && String(error.code).startsWith('HPE_')) {
      this.#fail(new UpstreamFailure('invalid', message, { cause: error }));
      return;
    }
    const beforeWork = this.#clientRequest?.reusedSocket === true && !answered;
    if (beforeWork) closeIdleConnections(this.#deps.agent);
    this.#fail(new UpstreamFailure('broken', message, { cause: error, beforeWork }));
  };

  #start(clientRequest: ClientRequest): void {
    this.#clientRequest = clientRequest;
    if (this.#request.signal.aborted) {
      this.#onAbort();
      return;
    }
    // The library drops a lone `?`. Node validates a path that is set here too.
    clientRequest.path = this.#request.path;
    clientRequest.once('socket', (socket) => this.#onSocket(clientRequest, socket));
    clientRequest.once('finish', () =>
      this.#arm(this.#deps.timeouts.firstByteTimeoutMs, 'first byte'),
    );
    clientRequest.on('information', () => this.#onInterim());
    clientRequest.once('response', (response) => this.#onResponse(clientRequest, response));
    // The agent would present a proxy's refusal as the upstream's own response.
    clientRequest.once('proxyConnect', ({ statusCode }: { statusCode: number }) => {
      if (statusCode !== 200) this.#fail(refusedByProxy(statusCode));
    });
    // The gateway never asks for a protocol switch.
    clientRequest.once('upgrade', (_response, socket) => {
      socket.destroy();
      this.#fail(new UpstreamFailure('invalid', 'the upstream switched protocols'));
    });
    this.#request.body.sendTo(clientRequest);
  }

  #onSocket(clientRequest: ClientRequest, socket: Socket): void {
    this.#readBefore = socket.bytesRead;
    if (clientRequest.reusedSocket) this.#onConnect();
    else if (socket instanceof TLSSocket) socket.once('secureConnect', () => this.#onConnect());
    else if (socket.connecting) socket.once('connect', () => this.#onConnect());
    else this.#onConnect();
  }

  #onConnect(): void {
    this.#connected = true;
    clearTimeout(this.#timer);
  }

  #onInterim(): void {
    this.#interim += 1;
    if (this.#interim <= MAX_INTERIM) return;
    this.#fail(new UpstreamFailure('invalid', `more than ${MAX_INTERIM} interim responses`));
  }

  #onResponse(clientRequest: ClientRequest, response: IncomingMessage): void {
    if (!isUsable(response)) {
      const startLine = `HTTP/${response.httpVersion} ${response.statusCode ?? 0}`;
      this.#fail(new UpstreamFailure('invalid', `the upstream answered with ${startLine}`));
      return;
    }
    this.#hasResponse = true;
    this.#finish();
    // A connection whose request was not sent to its end cannot be reused.
    response.once('close', () => {
      if (!clientRequest.writableFinished) clientRequest.destroy();
    });
    this.#result.resolve(response);
  }

  #arm(ms: number, phase: 'connect' | 'first byte'): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const what = phase === 'connect' ? 'no connection' : 'no answer';
      const message = `${what} from the upstream within ${ms} ms`;
      this.#fail(new UpstreamFailure('timeout', message, { beforeWork: phase === 'connect' }));
    }, ms);
  }

  #fail(failure: UpstreamFailure): void {
    this.#finish();
    this.#result.resolve(failure);
    this.#clientRequest?.destroy();
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }
}

function refusedByProxy(status: number): UpstreamFailure {
  const advice =
    status === 401 || status === 407 ? ': check the credentials in requestProxy.url' : '';
  const message = `the outgoing proxy refused with status ${status}${advice}`;
  return new UpstreamFailure('connect', message, { mayPass: false });
}

/** Creates the engine that sends requests with http-proxy-3 to the origin of `baseUrl`. */
export function createHttpProxyEngine(
  baseUrl: URL,
  agent: Agent,
  timeouts: Timeouts,
): UpstreamEngine {
  const proxy = createProxyServer({
    target: baseUrl.origin,
    agent,
    selfHandleResponse: true,
    toProxy: true, // the path is sent as it is
    prependPath: false,
  });
  // http-proxy-3 reads three members of the client's response and listens to one event on it.
  const outgoing = { headersSent: false, finished: false, writableFinished: true, on: nothing };
  const deps = { agent, timeouts };
  return {
    send(request) {
      const attempt = new Attempt(request, deps);
      // The casts: stand-ins with exactly the members that the library's `web` pass reads.
      proxy.web(
        attempt.incoming as unknown as IncomingMessage,
        outgoing as unknown as ServerResponse,
        { buffer: attempt.buffer as unknown as Stream },
        attempt.fail,
      );
      return attempt.result;
    },
  };
}
