import type { Lease } from '@openrouter-proxy/kms-protocol';
import { takeAnswer } from '../answer/answer.ts';
import {
  failedAttempt,
  type AnswerOptions,
  type AttemptResult,
  type Failed,
} from '../answer/attempt-result.ts';
import type { RequestObjects } from './request-objects.ts';
import type { Keepalive } from '../answer/keepalive.ts';
import type { RequestContext } from '../response/request-context.ts';
import { maskedRefusal } from '../outcome/outcome.ts';
import type { RequestBody } from '../body/request-body.ts';
import { isRedirect, redirectFailure } from '../upstream/redirect.ts';
import { upstreamRequestHeaders } from '../upstream/request-headers.ts';
import { removeSecret } from '../upstream/response-headers.ts';
import { maskOf } from '../upstream/secret-mask.ts';
import { UpstreamFailure } from '../upstream/upstream-failure.ts';
import type { UpstreamEngine, UpstreamResponse } from '../upstream/upstream.ts';

/** What every attempt of one request shares. */
export interface AttemptDeps extends Pick<
  AnswerOptions,
  'forwarding' | 'metrics' | 'cancellation'
> {
  readonly context: RequestContext;
  readonly engine: UpstreamEngine;
  readonly baseUrl: URL;
  /** Path and query on the upstream. */
  readonly path: string;
  readonly body: RequestBody;
  readonly keepalive: Keepalive;
  readonly objects: RequestObjects;
  readonly managementKey: string | null;
}

/** OpenRouter's name for what it generates, under which it can be asked about it (`GET /generation`). */
function generationId({ headers }: UpstreamResponse): string | null {
  const id = headers['x-generation-id'];
  return typeof id === 'string' && /^[\w-]{1,100}$/.test(id) ? id : null;
}

/** Sends the request upstream. Resolves with the head of the response, or with the reason why there is none. */
async function send(
  deps: AttemptDeps,
  secret: string | null,
): Promise<UpstreamResponse | UpstreamFailure> {
  const { context, engine, baseUrl, path, body, cancellation } = deps;
  const { request, identity, progress } = context;
  const startedAt = performance.now();
  const sent = await engine.send({
    method: identity.method,
    path,
    headers: upstreamRequestHeaders(request.headers, {
      host: baseUrl.host,
      requestId: identity.id,
      secret,
    }),
    body,
    signal: cancellation.signal,
  });
  progress.upstreamWaited(performance.now() - startedAt);
  return sent;
}

/** Takes in a response. Nothing of the key is left in what it gives. */
async function takeIn(
  response: UpstreamResponse,
  deps: AttemptDeps,
  options: AnswerOptions,
): Promise<AttemptResult> {
  const { context, baseUrl, keepalive } = deps;
  const mask = maskOf(options.secret);
  removeSecret(response.headers, mask);
  context.progress.responseNamed(generationId(response));
  if (isRedirect(response.statusCode)) {
    response.destroy();
    return failedAttempt(redirectFailure(response, baseUrl));
  }
  const result = await takeAnswer(response, context, { ...options, keepalive });
  if (!('evidence' in result.outcome)) return result;
  return { ...result, outcome: maskedRefusal(result.outcome, mask) };
}

/** Notes how long the upstream sent nothing before the client left: the key service learns from it. */
function withSilence(result: Failed, silentMs: number): Failed {
  const { outcome } = result;
  return outcome.kind === 'client_abort'
    ? { ...result, outcome: { ...outcome, silentMs } }
    : result;
}

/**
 * Sends the request upstream once, under a key if there is one, and takes in the answer. `onContent` is
 * called once, just before the answer's first content is sent to the client.
 */
export async function attempt(
  deps: AttemptDeps,
  lease: Lease | null,
  onContent: () => void,
): Promise<AttemptResult> {
  const { context, forwarding, metrics, cancellation, objects, managementKey } = deps;
  const secret = lease?.secret ?? managementKey;
  context.progress.attemptStarted();
  const startedAt = performance.now();
  const response = await send(deps, secret);
  if (response instanceof UpstreamFailure) {
    return withSilence(failedAttempt(response), Math.round(performance.now() - startedAt));
  }
  const prepare = objects.preparation(lease);
  return takeIn(response, deps, { forwarding, metrics, cancellation, secret, onContent, prepare });
}
