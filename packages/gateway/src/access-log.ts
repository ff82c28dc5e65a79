import type { Logger } from '@openrouter-proxy/runtime';
import type { Exchange } from './exchange.ts';

const round = (ms: number) => Math.round(ms * 100) / 100;

/**
 * Writes one line for each exchange that is over. A client's own mistake is a warning, a failure of
 * the gateway or the upstream an error, a client that went away neither.
 */
export function logExchange(logger: Logger, exchange: Exchange): void {
  const { response, request, failure, verdict } = exchange;
  const answered = response.headersSent;
  const status = answered ? response.statusCode : null;
  const level = status === null || status < 400 ? 'INFO' : status < 500 ? 'WARNING' : 'ERROR';
  logger.log(level, 'request', {
    request_id: exchange.id,
    client: exchange.client,
    method: request.method,
    path: exchange.path,
    api: exchange.api,
    status,
    verdict: verdict ?? (response.writableFinished ? 'complete' : 'client_abort'),
    attempts: exchange.attempts,
    key: exchange.keyName,
    lease_ms: round(exchange.leaseMs),
    first_byte_ms: exchange.firstByteMs === null ? null : round(exchange.firstByteMs),
    total_ms: round(exchange.elapsedMs),
    ...(failure === null ? {} : { failure: failure.code, cause: failure.cause }),
  });
}
