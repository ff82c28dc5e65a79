import type { Exchange } from '../http/exchange.ts';
import { GatewayError } from '../errors/gateway-error.ts';
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
  exchange: Exchange,
  counting: Pick<TokenCounting, 'count'>,
  limits: CountedBodyLimits,
): Promise<void> {
  const { length, bytes } = await readCountedBody(exchange.request, limits);
  const count: Count =
    bytes === null
      ? { kind: 'counted', model: null, tokens: estimateByLength(length) }
      : await counting.count(bytes);
  if (count.kind === 'invalid') throw new GatewayError('bad_request', count.problem);
  exchange.model = count.model;
  exchange.answerJson(200, { input_tokens: count.tokens }, ESTIMATE);
}
