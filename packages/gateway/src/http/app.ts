import type { IncomingMessage, RequestListener } from 'node:http';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { admissionRefusal, type Refusal } from './admission.ts';
import type { ClientAuth } from '../auth/client-auth.ts';
import { preflightHeaders } from './cors.ts';
import { answerEntry } from './entry-page.ts';
import { CLIENT_GONE, Exchange } from './exchange.ts';
import { GatewayError, type GatewayErrorCode } from '../errors/gateway-error.ts';
import { requestIds } from './request-id.ts';
import { isPublic, parseTarget, type RequestTarget } from './request-target.ts';
import { unknownPath } from './unknown-path.ts';
import { opensWebSocket } from './web-socket.ts';
import type { WrongKeyThrottle } from '../auth/wrong-key-throttle.ts';

/** What the middleware hands down for each request. */
interface Locals extends Record<string, unknown> {
  exchange: Exchange;
  target: RequestTarget;
}
type Middleware = RequestHandler<Record<string, string>, unknown, unknown, unknown, Locals>;
type ErrorMiddleware = ErrorRequestHandler<
  Record<string, string>,
  unknown,
  unknown,
  unknown,
  Locals
>;

type Target<Kind extends RequestTarget['kind']> = Extract<RequestTarget, { kind: Kind }>;

/** What the app decides by, and what answers. */
export interface AppDeps {
  auth: ClientAuth;
  /** The address that a request comes from. */
  addressOf: (request: IncomingMessage) => string | null;
  wrongKeys: Pick<WrongKeyThrottle, 'hold'>;
  publicEndpoints: readonly string[];
  metricsPublic: boolean;
  maxBodyBytes: number;
  /** Sees every exchange once, when it is over. */
  finished: (exchange: Exchange) => void;
  api(exchange: Exchange, target: Target<'api'>, keyless: boolean): Promise<void>;
  health(exchange: Exchange, target: Target<'health'>): Promise<void>;
  metrics(exchange: Exchange, target: Target<'metrics'>): Promise<void>;
}

const REFUSAL_CODES: Record<Refusal['status'], GatewayErrorCode> = {
  400: 'bad_request',
  405: 'method_not_allowed',
  413: 'body_too_large',
  417: 'expectation_failed',
  431: 'headers_too_large',
};

/** Reads what is asked for, once, and refuses what no later hop may see. */
function admit({ maxBodyBytes, finished, addressOf }: AppDeps): Middleware {
  return (request, response, next) => {
    const target = parseTarget(request.originalUrl);
    const exchange = new Exchange(request, response, {
      ...requestIds(request.headers['x-request-id']),
      path: request.originalUrl.split('?', 1)[0] ?? '',
      api: target.kind === 'api' ? target.api : null,
      address: addressOf(request),
    });
    response.once('close', () => void exchange.work.finally(() => finished(exchange)));
    response.locals.exchange = exchange;
    const refusal = admissionRefusal(request, maxBodyBytes);
    if (refusal !== undefined) {
      response.setHeader('connection', 'close');
      throw new GatewayError(REFUSAL_CODES[refusal.status], `Refused: ${refusal.problem}.`);
    }
    if (target.kind === 'unsafe') {
      response.setHeader('connection', 'close');
      throw new GatewayError('bad_request', `Refused: ${target.problem}.`);
    }
    response.locals.target = target;
    next();
  };
}

/** Answers browsers' preflights, which carry no credential (Fetch standard, "CORS-preflight request"). */
const answerPreflight: Middleware = (request, response, next) => {
  const { exchange, target } = response.locals;
  if (request.method !== 'OPTIONS') {
    next();
    return;
  }
  if (target.kind !== 'api' && (target.kind !== 'entry' || target.isRoot))
    throw new GatewayError('method_not_allowed', 'OPTIONS is not served here.');
  exchange.writeHead(204, preflightHeaders(request.headers));
  response.end();
};

/** Default deny: only what is listed as public, and the short health answers, need no credential. */
function authenticate(parts: AppDeps): Middleware {
  const needsNone = (target: RequestTarget) => {
    switch (target.kind) {
      case 'api':
        return isPublic(`/api/v1${target.path}`, parts.publicEndpoints);
      case 'health':
        return !target.verbose;
      case 'metrics':
        return parts.metricsPublic;
      case 'entry':
      case 'unknown':
        return true;
    }
  };
  return (request, response, next) => {
    const { exchange, target } = response.locals;
    const credential = parts.auth(request.headers, { allowBasic: target.kind === 'metrics' });
    exchange.client = credential.kind === 'known' ? credential.name : null;
    if (credential.kind === 'known' || needsNone(target)) {
      next();
      return undefined;
    }
    if (credential.kind === 'wrong') return refuseWrongKey(exchange, target, parts.wrongKeys);
    throw unauthorized(exchange, target);
  };
}

function unauthorized({ response }: Exchange, target: RequestTarget): GatewayError {
  if (target.kind === 'metrics') {
    response.setHeader('www-authenticate', 'Basic realm="openrouter-proxy", charset="UTF-8"');
  }
  return new GatewayError(
    'unauthorized',
    'The access key is missing or wrong. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.',
  );
}

/** Refuses a wrong key after the delay that its address has earned. */
async function refuseWrongKey(
  exchange: Exchange,
  target: RequestTarget,
  throttle: AppDeps['wrongKeys'],
): Promise<never> {
  const { response, address } = exchange;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const held = await throttle.hold(address, gone.signal);
  if (gone.signal.aborted) throw CLIENT_GONE;
  if (held === 'waited') throw unauthorized(exchange, target);
  response.setHeader('connection', 'close');
  throw new GatewayError(
    'too_many_wrong_keys',
    'Too many requests with a wrong access key came from this address. Send the right key: it is never slowed.',
  );
}

/** OpenRouter's API has no WebSockets. The answer names the protocol to use (RFC 9110, section 15.5.22). */
function refuseWebSocket({ response }: Exchange): never {
  response.setHeader('upgrade', 'HTTP/1.1');
  response.setHeader('connection', 'Upgrade');
  throw new GatewayError(
    'upgrade_required',
    "WebSockets are not served here: send the request as an HTTP POST. For Codex, set `supports_websockets = false` in the provider's section of its config.toml.",
  );
}

function serve(parts: AppDeps): Middleware {
  return async (request, response) => {
    const { exchange, target } = response.locals;
    if (target.kind === 'api') {
      if (opensWebSocket(request)) refuseWebSocket(exchange);
      const expectsContinue = request.headers.expect !== undefined && request.httpVersion !== '1.0';
      if (expectsContinue) response.writeContinue();
      const keyless = isPublic(`/api/v1${target.path}`, parts.publicEndpoints);
      return exchange.workOn(parts.api(exchange, target, keyless));
    }
    if (target.kind === 'unknown') throw unknownPath(request.headers, target.mistake);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new GatewayError('method_not_allowed', `${request.method} is not served here.`);
    }
    switch (target.kind) {
      case 'entry':
        answerEntry(exchange, target);
        return undefined;
      case 'health':
        return parts.health(exchange, target);
      case 'metrics':
        return parts.metrics(exchange, target);
    }
  };
}

/** The one place where a failure becomes an answer. After the head has been sent it can only be a broken connection. */
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows it by its four parameters
const answerFailure: ErrorMiddleware = (error: unknown, _request, response, _next) => {
  const { exchange } = response.locals;
  if (error === CLIENT_GONE) return;
  const failure = GatewayError.from(error);
  exchange.failure = failure;
  if (response.headersSent && !exchange.hasBegun) response.destroy();
  else exchange.answerError(failure);
};

/** Creates the express application: the order of its middleware is the order in which a request is judged. */
export function createApp(parts: AppDeps): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use(admit(parts));
  app.use(answerPreflight);
  app.use(authenticate(parts));
  app.use(serve(parts));
  app.use(answerFailure);
  return (request, response) => {
    // Express answers by itself, in HTML, to a target it cannot parse. One that is no path is refused anyway.
    if (!request.url?.startsWith('/')) request.url = '*';
    app(request, response);
  };
}
