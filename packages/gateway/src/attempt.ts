import type { IncomingMessage } from 'node:http';
import type { Api, Lease } from '@openrouter-proxy/kms-protocol';
import type { AnswerLimits, AttemptEnd } from './attempt-end.ts';
import type { Exchange } from './exchange.ts';
import { answerJson } from './json-answer.ts';
import { readRefusal } from './refused-response.ts';
import { relay } from './relay.ts';
import type { RequestBody } from './request-body.ts';
import { upstreamRequestHeaders } from './request-headers.ts';
import { answerStream } from './answer/stream/stream-answer.ts';
import { documentInsteadOfStream, failureOutcome, UpstreamFailure } from './upstream-failure.ts';
import type { Upstream } from './upstream.ts';

/** What every attempt of one request shares. */
export interface AttemptParts {
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
}

const JSON_TYPE = /^application\/(json|[\w.-]+\+json)\b/i;
const STREAM_TYPE = /^text\/event-stream\b/i;

/** The APIs whose answers are understood well enough to hold back a failed one. */
function isUnderstood(api: Api | null): api is Exclude<Api, 'other'> {
  return api !== null && api !== 'other';
}

function passOn(
  response: IncomingMessage,
  exchange: Exchange,
  limits: AnswerLimits,
): Promise<AttemptEnd> {
  const { api } = exchange;
  const type = response.headers['content-type'] ?? '';
  if (isUnderstood(api) && response.statusCode === 200) {
    if (STREAM_TYPE.test(type)) return answerStream(response, api, exchange, limits);
    if (JSON_TYPE.test(type)) return answerJson(response, exchange, limits);
  }
  if (exchange.isStreaming) {
    response.destroy();
    throw documentInsteadOfStream();
  }
  return relay(response, exchange, limits);
}

/** OpenRouter's name for what it generates, under which it can be asked about it (`GET /generation`). */
function generationId({ headers }: IncomingMessage): string | null {
  const id = headers['x-generation-id'];
  return typeof id === 'string' && /^[\w-]{1,100}$/.test(id) ? id : null;
}

/**
 * Sends the request upstream once, under a key if there is one, and takes in what comes of it.
 * `onContent` is called once, when the answer's first content is about to reach the client.
 */
export async function attempt(
  parts: AttemptParts,
  lease: Lease | null,
  onContent: () => void,
): Promise<AttemptEnd> {
  const { exchange, upstream, baseUrl, path, body, signal, idleTimeoutMs, countsTokens } = parts;
  const secret = lease?.secret ?? null;
  exchange.attempts += 1;
  const startedAt = performance.now();
  let hasHead = false;
  try {
    const response = await upstream
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
    hasHead = true;
    exchange.generationId = generationId(response);
    if ((response.statusCode ?? 0) >= 400) {
      return await readRefusal(response, { secret, timeoutMs: idleTimeoutMs, signal });
    }
    const limits = { idleTimeoutMs, countsTokens, signal, secret, onContent };
    return await passOn(response, exchange, limits);
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    const outcome = failureOutcome(error);
    const failed = { kind: 'failed', failure: error } as const;
    if (outcome.kind !== 'client_abort' || hasHead) return { ...failed, outcome };
    const silentMs = Math.round(performance.now() - startedAt);
    return { ...failed, outcome: { ...outcome, silentMs } };
  }
}
