import type { IncomingMessage, RequestListener } from 'node:http';
import type { GatewayConfiguration } from '@openrouter-proxy/config';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import type { Endpoint, KeyNeed } from '../endpoints/endpoint.ts';
import { matchEndpoint, type Route } from '../endpoints/match-endpoint.ts';
import { GatewayError, type GatewayErrorCode } from '../errors/gateway-error.ts';
import { ANSWERED, endWithError, type RequestEnd } from '../request/request-end.ts';
import type { RequestIdentity } from '../request/request-progress.ts';
import type { RequestRecord } from '../request/request-record.ts';
import { admissionRefusal, type Refusal } from './admission.ts';
import { authenticate, type AuthenticationDeps } from './authenticate.ts';
import { preflightHeaders } from './cors.ts';
import { answerEntry } from './entry-page.ts';
import { answerEnd } from '../response/error-answer.ts';
import { RequestContext } from '../response/request-context.ts';
import { requestIds } from './request-id.ts';
import { isPublic, parseTarget, type RequestTarget, type UnsafeTarget } from './request-target.ts';
import { unknownPath } from './unknown-path.ts';
import { opensWebSocket } from './web-socket.ts';

/** The values that one middleware leaves for the next. */
interface Locals extends Record<string, unknown> {
  context: RequestContext;
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

/** The handlers of each kind of path. Each may throw a GatewayError. */
export interface Endpoints {
  api(context: RequestContext, target: Target<'api'>, key: KeyNeed): Promise<RequestEnd>;
  health(context: RequestContext, target: Target<'health'>): Promise<void>;
  metrics(context: RequestContext, target: Target<'metrics'>): Promise<void>;
}

/** The settings and handlers of the app. */
export interface AppDeps extends AuthenticationDeps {
  readonly settings: AuthenticationDeps['settings'] & {
    readonly server: Pick<GatewayConfiguration['server'], 'maxBodyBytes'>;
    readonly rules: Pick<GatewayConfiguration['rules'], 'publicEndpoints' | 'administration'>;
  };
  /** The address that a request comes from. */
  readonly addressOf: (request: IncomingMessage) => string | null;
  readonly endpoints: Endpoints;
  /** Called once for every request that is over. */
  readonly onFinished: (record: RequestRecord) => void;
}

const REFUSAL_CODES: Record<Refusal['status'], GatewayErrorCode> = {
  400: 'bad_request',
  405: 'method_not_allowed',
  413: 'body_too_large',
  417: 'expectation_failed',
  431: 'headers_too_large',
};

function identityOf(
  request: IncomingMessage & { readonly originalUrl: string },
  { target, route }: ReturnType<typeof readTarget>,
  addressOf: AppDeps['addressOf'],
): RequestIdentity {
  return {
    ...requestIds(request.headers['x-request-id']),
    method: request.method ?? '',
    path: request.originalUrl.split('?', 1)[0] ?? '',
    api: target.kind === 'api' ? target.api : null,
    route,
    address: addressOf(request),
  };
}

/** The target of a request and the rules of its endpoint, or what is wrong with them. */
function readTarget(
  method: string,
  url: string,
): { readonly target: RequestTarget | UnsafeTarget; readonly route: Route | null } {
  const target = parseTarget(url);
  if (target.kind !== 'api') return { target, route: null };
  const match = matchEndpoint(method, target.path);
  return match.kind === 'endpoint'
    ? { target, route: match }
    : { target: { kind: 'unsafe', problem: match.problem }, route: null };
}

/** Reads the request's head once, and refuses what no later hop may see. */
function admit({ settings, onFinished, addressOf }: AppDeps): Middleware {
  return (request, response, next) => {
    const read = readTarget(request.method, request.originalUrl);
    const { target } = read;
    const identity = identityOf(request, read, addressOf);
    response.locals.context = new RequestContext(request, response, identity, onFinished);
    const refusal = admissionRefusal(request, settings.server.maxBodyBytes);
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
  const { context, target } = response.locals;
  if (request.method !== 'OPTIONS') {
    next();
    return;
  }
  if (target.kind !== 'api' && (target.kind !== 'entry' || target.isRoot))
    throw new GatewayError('method_not_allowed', 'OPTIONS is not served here.');
  context.writer.writeHead(204, preflightHeaders(request.headers));
  response.end();
  context.workEnded(ANSWERED);
};

/** Lets a request pass only if its client may send it. */
function requireAccess(deps: AppDeps): Middleware {
  return (_request, response, next) => {
    const { context, target } = response.locals;
    const refusal = authenticate(context, target, deps);
    if (refusal === null) {
      next();
      return undefined;
    }
    return finish(context, refusal);
  };
}

/** OpenRouter's API has no WebSockets. The answer names the protocol to use (RFC 9110, section 15.5.22). */
function refuseWebSocket({ writer: { response } }: RequestContext): never {
  response.setHeader('upgrade', 'HTTP/1.1');
  response.setHeader('connection', 'Upgrade');
  throw new GatewayError(
    'upgrade_required',
    "WebSockets are not served here: send the request as an HTTP POST. For Codex, set `supports_websockets = false` in the provider's section of its config.toml.",
  );
}

/** The keys of a pool belong to several people: their accounts are no client's to look into or to change. */
function administrationDenied(): GatewayError {
  return new GatewayError(
    'administration_denied',
    'This endpoint looks into or changes an OpenRouter account, and is closed here. The operator of this gateway can open it: set openrouter.administration to `allow` and openrouter.management_key.',
  );
}

/** The key that a request is sent under. What is public never gets one. */
function keyFor({ key, answeredBy }: Endpoint, isOpen: boolean): KeyNeed {
  if (key === 'management') return key;
  if (isOpen) return 'none';
  return answeredBy === 'upstream' ? key : 'leased';
}

/** Answers under the API's paths. */
function serveApi(
  context: RequestContext,
  target: Target<'api'>,
  { settings, endpoints }: AppDeps,
): Promise<RequestEnd> {
  const { request, writer } = context;
  if (opensWebSocket(request)) refuseWebSocket(context);
  const expectsContinue = request.headers.expect !== undefined && request.httpVersion !== '1.0';
  if (expectsContinue) writer.response.writeContinue();
  const endpoint = context.identity.route?.endpoint;
  const { administration, publicEndpoints } = settings.rules;
  const isOpen = isPublic(`/api/v1${target.path}`, publicEndpoints);
  const key = endpoint === undefined ? 'leased' : keyFor(endpoint, isOpen);
  if (key === 'management' && administration === 'deny') {
    return Promise.resolve(endWithError(administrationDenied()));
  }
  return endpoints.api(context, target, key);
}

/** Answers under the gateway's own paths. */
async function serveOwn(
  context: RequestContext,
  target: Exclude<RequestTarget, Target<'api'>>,
  { endpoints }: AppDeps,
): Promise<RequestEnd> {
  const { method, headers } = context.request;
  if (target.kind === 'unknown') throw unknownPath(headers, target.mistake);
  if (method !== 'GET' && method !== 'HEAD') {
    throw new GatewayError('method_not_allowed', `${method} is not served here.`);
  }
  switch (target.kind) {
    case 'entry':
      answerEntry(context, target);
      break;
    case 'health':
      await endpoints.health(context, target);
      break;
    case 'metrics':
      await endpoints.metrics(context, target);
      break;
  }
  return ANSWERED;
}

function serve(deps: AppDeps): Middleware {
  return (_request, response) => {
    const { context, target } = response.locals;
    const work =
      target.kind === 'api' ? serveApi(context, target, deps) : serveOwn(context, target, deps);
    return finish(context, work);
  };
}

/** Answers a request whose work has ended, unless it has its answer. */
async function finish(
  context: RequestContext,
  work: RequestEnd | Promise<RequestEnd>,
): Promise<void> {
  const end = await work;
  answerEnd(context, end);
  context.workEnded(end);
}

/** Answers an error that a middleware or an endpoint has thrown. */
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows it by its four parameters
const answerThrown: ErrorMiddleware = (error: unknown, _request, response, _next) =>
  finish(response.locals.context, endWithError(GatewayError.from(error)));

/** Creates the express application. A request passes its middleware in this order. */
export function createApp(deps: AppDeps): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use(admit(deps));
  app.use(answerPreflight);
  app.use(requireAccess(deps));
  app.use(serve(deps));
  app.use(answerThrown);
  return (request, response) => {
    // Express answers by itself, in HTML, to a target it cannot parse. One that is no path is refused anyway.
    if (!request.url?.startsWith('/')) request.url = '*';
    app(request, response);
  };
}
