import type { IncomingMessage } from 'node:http';
import type { Lease } from '@openrouter-proxy/kms-protocol';
import { takeAnswer } from '../answer/answer.ts';
import type { AnswerOptions, AttemptResult, Failed } from '../answer/attempt-result.ts';
import type { Keepalive } from '../answer/keepalive.ts';
import type { RequestContext } from '../http/request-context.ts';
import { maskedRefusal } from '../outcome/outcome.ts';
import type { RequestBody } from '../request/request-body.ts';
import { isRedirect, redirectFailure } from '../upstream/redirect.ts';
import { upstreamRequestHeaders } from '../upstream/request-headers.ts';
import { removeSecret } from '../upstream/response-headers.ts';
import { maskOf } from '../upstream/secret-mask.ts';
import { failureOutcome, UpstreamFailure } from '../upstream/upstream-failure.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** What every attempt of one request shares. */
export interface AttemptDeps extends Pick<
  AnswerOptions,
  'forwarding' | 'metrics' | 'cancellation'
> {
  readonly context: RequestContext;
  readonly engine: Upstream;
  readonly baseUrl: URL;
  /** Path and query on the upstream. */
  readonly path: string;
  readonly body: RequestBody;
  readonly keepalive: Keepalive;
}

/** OpenRouter's name for what it generates, under which it can be asked about it (`GET /generation`). */
function generationId({ headers }: IncomingMessage): string | null {
  const id = headers['x-generation-id'];
  return typeof id === 'string' && /^[\w-]{1,100}$/.test(id) ? id : null;
}

/** Sends the request upstream. Resolves with the head of the response. */
async function send(deps: AttemptDeps, secret: string | null): Promise<IncomingMessage> {
  const { context, engine, baseUrl, path, body, cancellation } = deps;
  const { request, identity, progress } = context;
  const startedAt = performance.now();
  try {
    return await engine.send({
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
  } finally {
    progress.upstreamWaited(performance.now() - startedAt);
  }
}

/** Takes in a response. Nothing of the key is left in what it gives. */
async function takeIn(
  response: IncomingMessage,
  deps: AttemptDeps,
  options: AnswerOptions,
): Promise<AttemptResult> {
  const { context, baseUrl, keepalive } = deps;
  const mask = maskOf(options.secret);
  removeSecret(response.headers, mask);
  context.progress.responseNamed(generationId(response));
  if (isRedirect(response.statusCode ?? 502)) {
    response.destroy();
    throw redirectFailure(response, baseUrl);
  }
  const result = await takeAnswer(response, context, { ...options, keepalive });
  if (!('evidence' in result.outcome)) return result;
  return { ...result, outcome: maskedRefusal(result.outcome, mask) };
}

/** An attempt that ended without an answer. `silentMs`: how long the upstream sent nothing before the client left. */
function failed(failure: UpstreamFailure, silentMs: number | null): Failed {
  const outcome = failureOutcome(failure);
  const isTold = outcome.kind === 'client_abort' && silentMs !== null;
  return { kind: 'failed', failure, outcome: isTold ? { ...outcome, silentMs } : outcome };
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
  const { context, forwarding, metrics, cancellation } = deps;
  const secret = lease?.secret ?? null;
  context.progress.attemptStarted();
  const startedAt = performance.now();
  let hasHead = false;
  try {
    const response = await send(deps, secret);
    hasHead = true;
    const options = { forwarding, metrics, cancellation, secret, onContent };
    return await takeIn(response, deps, options);
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    return failed(error, hasHead ? null : Math.round(performance.now() - startedAt));
  }
}
