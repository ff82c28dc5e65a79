import type { Logger, LogLevel } from '@openrouter-proxy/runtime';
import { verdictOf } from './request-summary.ts';
import type { Exchange } from '../http/exchange.ts';

const round = (ms: number) => Math.round(ms * 100) / 100;

/** A browser asks without a credential first, and then asks the person for it (RFC 9110, section 11.6.1). */
function isFirstAsk({ api, request: { headers } }: Exchange, status: number | null): boolean {
  const { authorization, 'x-api-key': key } = headers;
  return status === 401 && api === null && authorization === undefined && key === undefined;
}

function levelOf(exchange: Exchange, status: number | null): LogLevel {
  const { api, path } = exchange;
  if (path.startsWith('/health')) return 'DEBUG'; // what ails the gateway has lines of its own
  if (status !== null && status >= 500) return 'ERROR';
  if (isFirstAsk(exchange, status)) return 'DEBUG';
  if (status !== null && status >= 400) return 'WARNING';
  return api === null ? 'DEBUG' : 'INFO';
}

/** What OpenRouter's answer used, and what it calls it. */
function answerFields({ usage, generationId }: Exchange) {
  const name = generationId === null ? {} : { generation_id: generationId };
  if (usage === null) return name;
  const { sent, received, cached, cost } = usage;
  return { ...name, tokens_sent: sent, tokens_received: received, tokens_cached: cached, cost };
}

/**
 * Writes one line for each exchange that is over. A client's own mistake is a warning, a failure of
 * the gateway or the upstream an error, a client that went away neither; probes and scrapers, which
 * come every few seconds, are for debugging only. Nothing that was asked or answered stands in it.
 */
export function logExchange(logger: Logger, exchange: Exchange): void {
  const { response, request, failure, firstByteMs } = exchange;
  const status = response.headersSent ? response.statusCode : null;
  logger.log(levelOf(exchange, status), 'request', {
    request_id: exchange.id,
    client: exchange.client,
    address: exchange.address,
    method: request.method,
    path: exchange.path,
    api: exchange.api,
    model: exchange.model,
    status,
    verdict: verdictOf(exchange),
    attempts: exchange.attempts,
    key: exchange.keyName,
    ...answerFields(exchange),
    queued_ms: round(exchange.queuedMs),
    lease_ms: round(exchange.leaseMs),
    first_byte_ms: firstByteMs === null ? null : round(firstByteMs),
    total_ms: round(exchange.elapsedMs),
    ...(failure === null ? {} : { failure: failure.code, cause: failure.cause }),
  });
}
