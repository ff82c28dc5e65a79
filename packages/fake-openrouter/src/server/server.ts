import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAccount, type Account, type AccountOptions } from '../accounts/account.ts';
import { keyedRoute, needsManagementKey, publicRoute } from './catalog-routes.ts';
import type { FakeClock } from '../state/clock.ts';
import type { Completion } from '../models/completion.ts';
import { answerControl } from './control.ts';
import { inAnthropicShape } from '../errors/anthropic-error.ts';
import { ERROR_FAMILIES } from '../errors/error-families.ts';
import { Exchange } from '../exchange/exchange.ts';
import { FakeState } from '../state/fake-state.ts';
import type { Fault, FaultRules } from '../faults/fault-rules.ts';
import { isUpload } from '../objects/upload.ts';
import { isInference, serveInference } from '../inference/inference.ts';
import type { Key, KeyOptions } from '../accounts/key.ts';
import type { Creation } from '../objects/objects.ts';
import type { RequestLog } from '../exchange/request-log.ts';
import type { Route } from '../routes/route.ts';
import { sendReply } from '../routes/send-reply.ts';
import { ROUTING } from './route-table.ts';
import { breakOff } from '../inference/stream-sender.ts';

/** How a fake is started. */
export interface FakeOptions {
  /** Default 0: any free port. */
  port?: number;
  /** The address it listens at; default 127.0.0.1. */
  host?: string;
  /** The origin that URLs in answers name; default its own. OpenRouter's own is `https://openrouter.ai`. */
  namedOrigin?: string;
}

/** A running fake of the OpenRouter API. */
export interface FakeOpenRouter {
  /** The base URL, `http://127.0.0.1:<port>/api/v1` by default. */
  readonly url: string;
  readonly port: number;
  readonly clock: FakeClock;
  readonly rules: FaultRules;
  readonly requests: RequestLog;
  readonly keys: readonly Key[];
  /** Everything that was made, in order. */
  readonly creations: readonly Creation[];
  /** Its state: objects of accounts, and how often a job is asked for until it completes. */
  readonly state: FakeState;
  addAccount(options?: AccountOptions): Account;
  /** Adds a key, to a new account unless one is given. */
  addKey(options?: KeyOptions & { account?: Account }): Key;
  /** Makes it as it was at its start, without keys; it goes on serving. */
  reset(): void;
  /** Ends all connections, and resolves when the last is closed. */
  stop(): Promise<void>;
}

const PREFLIGHT_HEADERS = {
  'Access-Control-Allow-Methods': 'GET,OPTIONS,PATCH,DELETE,POST,PUT',
  'Access-Control-Allow-Headers':
    'Authorization, X-Api-Key, Content-Type, HTTP-Referer, X-Title, X-Openrouter-Title, X-Session-Id, Idempotency-Key, traceparent, tracestate, b3',
};

/** Carries out a fault that leaves nothing to serve; false if the request is to be served after all. */
async function failInstead(exchange: Exchange, fault: Fault, now: number): Promise<boolean> {
  switch (fault.kind) {
    case 'refuse': {
      const model = exchange.record.model ?? 'openrouter/auto';
      const error = ERROR_FAMILIES[fault.family]({ key: exchange.key, model, now });
      exchange.answerError(exchange.path === '/messages' ? inAnthropicShape(error) : error);
      return true;
    }
    case 'answer':
      exchange.answer(fault.status, fault.body ?? '', fault.headers ?? {});
      return true;
    case 'raw':
      exchange.response.destroyedByUs = true;
      exchange.request.socket.end(fault.bytes);
      return true;
    case 'stall':
    case 'end':
    case 'reset':
      if (fault.when !== 'before-headers') return false;
      await breakOff(exchange, fault.kind);
      return true;
    default:
      return false;
  }
}

/** The fault of a request, if a rule wants one. */
function faultOf(state: FakeState, { request, record, path, body }: Exchange): Fault | undefined {
  return state.rules.find({
    key: record.key ?? undefined,
    model: record.model ?? undefined,
    path,
    method: request.method ?? 'GET',
    requestId: request.headers['x-request-id'] as string | undefined,
    contains: body.toString('latin1'),
  });
}

async function serve(state: FakeState, exchange: Exchange): Promise<void> {
  const { request, record } = exchange;
  if (isUpload(request)) await exchange.readUpload(state.folder());
  else await exchange.readBody();
  exchange.key = state.keyOf(request);
  record.key = exchange.key?.name ?? null;
  const fault = faultOf(state, exchange);
  if (fault?.kind === 'date') {
    exchange.response.setHeader('Date', new Date(Date.now() + fault.aheadMs).toUTCString());
  }
  if (fault !== undefined && (await failInstead(exchange, fault, state.clock.now()))) return;
  if (await serveAnybody(state, exchange, fault)) return;
  if (exchange.key === undefined) exchange.answerError(unknownCredential(request));
  else await serveOwner(state, { exchange, key: exchange.key }, fault);
}

/** Serves what needs no key; false: it needs one. */
async function serveAnybody(
  state: FakeState,
  exchange: Exchange,
  fault: Fault | undefined,
): Promise<boolean> {
  const method = exchange.request.method ?? 'GET';
  const now = state.clock.now();
  const found = ROUTING.find(method, exchange.path);
  if (found?.route.needs === 'anybody') {
    const { parameters } = found;
    const reply = await found.route.answer({ exchange, state, now, parameters });
    await sendReply(exchange, reply, fault);
    return true;
  }
  // A path with an endpoint of its own, as /models/user or /videos/models, is no model's.
  const route = found === undefined ? publicRoute(method, exchange.path) : undefined;
  route?.(exchange, { now }, exchange.key);
  return route !== undefined;
}

function unknownCredential({ headers }: IncomingMessage) {
  const sent = headers.authorization ?? headers['x-api-key'];
  return ERROR_FAMILIES[sent === undefined ? 'no_credentials' : 'unauthorized']();
}

/** What a key may not ask for. */
function refusedFor(key: Key, path: string, needs: Route['needs'] | undefined) {
  if ((isInference(path) || needs === 'key') && key.isManagement) {
    return ERROR_FAMILIES.management_key();
  }
  const isManaged = needs === 'management' || (needs === undefined && needsManagementKey(path));
  return isManaged && !key.isManagement ? ERROR_FAMILIES.management_only() : undefined;
}

/** Serves who has shown a key. */
async function serveOwner(
  state: FakeState,
  { exchange, key }: { exchange: Exchange; key: Key },
  fault: Fault | undefined,
): Promise<void> {
  const { path } = exchange;
  const method = exchange.request.method ?? 'GET';
  const now = state.clock.now();
  const found = ROUTING.find(method, path);
  const refused = refusedFor(key, path, found?.route.needs);
  if (refused !== undefined) exchange.answerError(refused);
  else if (method === 'POST' && isInference(path)) {
    await serveInference(exchange, now, fault, (made) => remember(state, { exchange, key }, made));
  } else if (found !== undefined && found.route.needs !== 'anybody') {
    const { parameters } = found;
    const reply = await found.route.answer({ exchange, state, now, parameters, key });
    await sendReply(exchange, reply, fault);
  } else {
    const route = keyedRoute(method, path);
    if (route === undefined) exchange.answerError(ERROR_FAMILIES.not_found());
    else route(exchange, { now }, key);
  }
}

/** Remembers what a model answered, so that its account can ask for it. */
function remember(
  state: FakeState,
  { exchange, key }: { exchange: Exchange; key: Key },
  completion: Completion,
): void {
  const { id, model, provider, created, cost, pieces } = completion;
  const { promptTokens, completionTokens, reasoningTokens } = completion;
  state.rememberGeneration({
    ...{ id, model, provider, created, cost, promptTokens, completionTokens, reasoningTokens },
    ...{ account: key.account, streamed: exchange.json['stream'] === true },
    ...{ type: exchange.path === '/embeddings' ? 'embeddings' : 'completions' },
    ...{ prompt: exchange.record.body.slice(0, 2_000), answer: pieces.join('') },
  });
}

function handle(state: FakeState, request: IncomingMessage, response: ServerResponse): void {
  if (request.url?.startsWith('/__control/') === true) {
    void answerControl(state, request, response);
    return;
  }
  const exchange = new Exchange(request, response, state.requests);
  if (request.method === 'OPTIONS') {
    exchange.writeHead(204, PREFLIGHT_HEADERS);
    response.end();
    return;
  }
  if (!/^\/api\/v1(\/|\?|$)/.test(request.url ?? '')) {
    exchange.answerError(ERROR_FAMILIES.not_found());
    return;
  }
  serve(state, exchange).catch((error: unknown) => {
    // A client that has gone away while its body was read needs no answer.
    if (!response.destroyed) exchange.answer(500, String(error), {});
  });
}

/** Starts a fake. */
export async function startFakeOpenRouter(options: FakeOptions = {}): Promise<FakeOpenRouter> {
  const state = new FakeState();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
    handle(state, request, response),
  );
  const host = options.host ?? '127.0.0.1';
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  state.namedOrigin = options.namedOrigin ?? `http://${host}:${port}`;
  return {
    url: `http://${host}:${port}/api/v1`,
    port,
    clock: state.clock,
    rules: state.rules,
    requests: state.requests,
    keys: state.keys,
    creations: state.creations.list,
    state,
    addAccount: createAccount,
    addKey: (keyOptions) => state.addKey(keyOptions),
    reset: () => state.reset(),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      state.close();
    },
  };
}
