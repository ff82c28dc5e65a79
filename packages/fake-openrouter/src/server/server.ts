import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAccount, type Account, type AccountOptions } from '../accounts/account.ts';
import { keyedRoute, needsManagementKey, publicRoute } from './catalog-routes.ts';
import type { FakeClock } from './clock.ts';
import { answerControl } from './control.ts';
import { inAnthropicShape } from '../errors/anthropic-error.ts';
import { ERROR_FAMILIES } from '../errors/error-families.ts';
import { Exchange } from '../exchange/exchange.ts';
import { FakeState } from './fake-state.ts';
import type { Fault, FaultRules } from '../faults/fault-rules.ts';
import { isInference, serveInference } from '../inference/inference.ts';
import type { Key, KeyOptions } from '../accounts/key.ts';
import type { RequestLog } from '../exchange/request-log.ts';
import { breakOff } from '../inference/stream-sender.ts';

/** How a fake is started. */
export interface FakeOptions {
  /** Default 0: any free port. */
  port?: number;
  /** The address it listens at; default 127.0.0.1. */
  host?: string;
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

async function serve(state: FakeState, exchange: Exchange): Promise<void> {
  const { request, path, record } = exchange;
  const method = request.method ?? 'GET';
  const now = state.clock.now();
  await exchange.readBody();
  exchange.key = state.keyOf(request);
  record.key = exchange.key?.name ?? null;
  const fault = state.rules.find({
    key: record.key ?? undefined,
    model: record.model ?? undefined,
    path,
    method,
    requestId: request.headers['x-request-id'] as string | undefined,
    contains: exchange.body.toString('latin1'),
  });
  if (fault?.kind === 'date') {
    exchange.response.setHeader('Date', new Date(Date.now() + fault.aheadMs).toUTCString());
  }
  if (fault !== undefined && (await failInstead(exchange, fault, now))) return;
  const context = { now, generations: state.generations };
  const route = publicRoute(method, path);
  if (route !== undefined) route(exchange, context, exchange.key);
  else if (exchange.key === undefined) exchange.answerError(unknownCredential(request));
  else await serveOwner(state, exchange, fault);
}

function unknownCredential({ headers }: IncomingMessage) {
  const sent = headers.authorization ?? headers['x-api-key'];
  return ERROR_FAMILIES[sent === undefined ? 'no_credentials' : 'unauthorized']();
}

/** Serves who has shown a key. */
async function serveOwner(
  state: FakeState,
  exchange: Exchange,
  fault: Fault | undefined,
): Promise<void> {
  const { path, json } = exchange;
  const method = exchange.request.method ?? 'GET';
  const now = state.clock.now();
  if (isInference(path) && exchange.key?.isManagement === true) {
    exchange.answerError(ERROR_FAMILIES.management_key());
    return;
  }
  if (method === 'POST' && isInference(path)) {
    const streamed = json['stream'] === true;
    await serveInference(exchange, now, fault, (made) => state.remember(made, streamed));
    return;
  }
  if (needsManagementKey(path)) {
    exchange.answerError(ERROR_FAMILIES.management_only());
    return;
  }
  const route = keyedRoute(method, path);
  if (route === undefined) exchange.answerError(ERROR_FAMILIES.not_found());
  else route(exchange, { now, generations: state.generations }, exchange.key);
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
  return {
    url: `http://${host}:${port}/api/v1`,
    port,
    clock: state.clock,
    rules: state.rules,
    requests: state.requests,
    keys: state.keys,
    addAccount: createAccount,
    addKey: (keyOptions) => state.addKey(keyOptions),
    reset: () => state.reset(),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
