import type { RequestContext } from '../response/request-context.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { ANSWERED, endWithError, type RequestEnd } from '../request/request-end.ts';
import { readCountedBody, type CountedBodyLimits } from './counted-body.ts';
import { estimateByLength } from './estimate.ts';
import type { Count, TokenCounting } from './token-counting.ts';

/** Tells a client that the gateway has counted, not the model's own tokenizer. */
const ESTIMATE = { 'x-token-count': 'estimate', 'cache-control': 'no-store' };

/** Whether a request asks for the number of a prompt's tokens. */
export function isTokenCount(method: string | undefined, path: string): boolean {
  return method === 'POST' && /^\/messages\/count_tokens\/?$/.test(path);
}

/** Answers `POST /messages/count_tokens` with an estimate (Anthropic docs, "Token counting"). */
export async function answerTokenCount(
  { request, progress, writer }: RequestContext,
  counting: Pick<TokenCounting, 'count'>,
  limits: CountedBodyLimits,
): Promise<RequestEnd> {
  const body = await readCountedBody(request, limits);
  if ('kind' in body) return body;
  const { length, bytes } = body;
  const count: Count =
    bytes === null
      ? { kind: 'counted', model: null, tokens: estimateByLength(length) }
      : await counting.count(bytes);
  if (count.kind === 'invalid') return endWithError(new GatewayError('bad_request', count.problem));
  progress.modelNamed(count.model);
  writer.answerJson(200, { input_tokens: count.tokens }, ESTIMATE);
  return ANSWERED;
}
