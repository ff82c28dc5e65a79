import type { IncomingMessage } from 'node:http';
import type { Api, Lease } from '@openrouter-proxy/kms-protocol';
import type { Keepalive } from '../answer/keepalive.ts';
import type { AnswerLimits, AttemptResult } from '../outcome/attempt-result.ts';
import type { Exchange } from '../http/exchange.ts';
import { answerJson } from '../answer/json-answer.ts';
import { maskedRefusal } from '../outcome/outcome.ts';
import { readRefusal } from '../answer/refused-response.ts';
import { relay } from '../answer/passthrough.ts';
import { isRedirect, redirectFailure } from '../upstream/redirect.ts';
import type { RequestBody } from '../request/request-body.ts';
import { upstreamRequestHeaders } from '../upstream/request-headers.ts';
import { removeSecret } from '../upstream/response-headers.ts';
import { maskOf } from '../upstream/secret-mask.ts';
import { answerStream } from '../answer/stream-answer.ts';
import {
  documentInsteadOfStream,
  failureOutcome,
  noDocument,
  UpstreamFailure,
} from '../upstream/upstream-failure.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** What every attempt of one request shares. */
export interface AttemptDeps {
  exchange: Exchange;
  upstream: Upstream;
  baseUrl: URL;
  /** Path and query on the upstream. */
  path: string;
  body: RequestBody;
  idleTimeoutMs: number;
  /** Whether what answers used is read. */
  countsTokens: boolean;
  signal: AbortSignal;
  keepalive: Keepalive;
}

const JSON_TYPE = /^application\/(json|[\w.-]+\+json)\b/i;
const STREAM_TYPE = /^text\/event-stream\b/i;

/** The APIs whose answers are understood well enough to hold back a failed one. */
function isUnderstood(api: Api | null): api is Exclude<Api, 'other'> {
  return api !== null && api !== 'other';
}

/**
 * Whether a whole JSON document is due where the answer is labelled as one. A file may hold anything,
 * and the answer to a DELETE may be empty.
 */
function isDocumentDue({ path, request }: Exchange): boolean {
  return (request.method === 'GET' || request.method === 'POST') && !/\/content\/?$/.test(path);
}

function passOn(
  response: IncomingMessage,
  { exchange, keepalive }: AttemptDeps,
  limits: AnswerLimits,
): Promise<AttemptResult> {
  const { api, request } = exchange;
  const type = response.headers['content-type'] ?? '';
  if (response.statusCode === 200) {
    if (isUnderstood(api) && request.method === 'POST') {
      const isStream = STREAM_TYPE.test(type) && !exchange.isDocument;
      if (isStream) {
        keepalive.expectStream();
        return answerStream(response, api, exchange, limits);
      }
      // Also a page, or what has no type: it is the answer if it is JSON, and none if it is not.
      return answerJson(response, exchange, limits, { isModelAnswer: true });
    }
    if (JSON_TYPE.test(type) && isDocumentDue(exchange)) {
      keepalive.expectDocument();
      return answerJson(response, exchange, limits, { isModelAnswer: false });
    }
  }
  if (exchange.isStreaming || exchange.isDocument) {
    response.destroy();
    throw exchange.isStreaming ? documentInsteadOfStream() : noDocument();
  }
  return relay(response, exchange, limits);
}

/** OpenRouter's name for what it generates, under which it can be asked about it (`GET /generation`). */
function generationId({ headers }: IncomingMessage): string | null {
  const id = headers['x-generation-id'];
  return typeof id === 'string' && /^[\w-]{1,100}$/.test(id) ? id : null;
}

/** Takes in a response, whose status says what it is. */
async function takeIn(
  response: IncomingMessage,
  parts: AttemptDeps,
  limits: AnswerLimits,
): Promise<AttemptResult> {
  const { exchange, baseUrl } = parts;
  const { statusCode: status = 502 } = response;
  const { secret, signal, idleTimeoutMs } = limits;
  const mask = maskOf(secret);
  removeSecret(response.headers, mask);
  exchange.generationId = generationId(response);
  if (isRedirect(status)) {
    response.destroy();
    throw redirectFailure(response, baseUrl);
  }
  const end =
    status >= 400
      ? await readRefusal(response, { secret, timeoutMs: idleTimeoutMs, signal })
      : await passOn(response, parts, limits);
  if (!('evidence' in end.outcome)) return end;
  return { ...end, outcome: maskedRefusal(end.outcome, mask) };
}

/** Sends the request upstream. Resolves with the head of the response. */
function send(parts: AttemptDeps, secret: string | null): Promise<IncomingMessage> {
  const { exchange, upstream, baseUrl, path, body, signal } = parts;
  const startedAt = performance.now();
  return upstream
    .send({
      method: exchange.request.method ?? 'GET',
      path,
      headers: upstreamRequestHeaders(exchange.request.headers, {
        host: baseUrl.host,
        requestId: exchange.id,
        secret,
      }),
      body,
      signal,
    })
    .finally(() => (exchange.upstreamMs += performance.now() - startedAt));
}

/**
 * Sends the request upstream once, under a key if there is one, and takes in what comes of it.
 * `onContent` is called once, when the answer's first content is about to reach the client.
 */
export async function attempt(
  parts: AttemptDeps,
  lease: Lease | null,
  onContent: () => void,
): Promise<AttemptResult> {
  const { exchange, signal, idleTimeoutMs, countsTokens } = parts;
  const secret = lease?.secret ?? null;
  exchange.attempts += 1;
  const startedAt = performance.now();
  let hasHead = false;
  try {
    const response = await send(parts, secret);
    hasHead = true;
    const limits = { idleTimeoutMs, countsTokens, signal, secret, onContent };
    return await takeIn(response, parts, limits);
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    const outcome = failureOutcome(error);
    const failed = { kind: 'failed', failure: error } as const;
    if (outcome.kind !== 'client_abort' || hasHead) return { ...failed, outcome };
    const silentMs = Math.round(performance.now() - startedAt);
    return { ...failed, outcome: { ...outcome, silentMs } };
  }
}
