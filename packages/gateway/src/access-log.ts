import type { Logger, LogLevel } from '@openrouter-proxy/runtime';
import type { Exchange } from './exchange.ts';

const round = (ms: number) => Math.round(ms * 100) / 100;

function levelOf({ api }: Exchange, status: number | null): LogLevel {
  if (status !== null && status >= 500) return 'ERROR';
  if (status !== null && status >= 400) return 'WARNING';
  return api === null ? 'DEBUG' : 'INFO';
}

/**
 * Writes one line for each exchange that is over. A client's own mistake is a warning, a failure of
 * the gateway or the upstream an error, a client that went away neither; probes and scrapers, which
 * come every few seconds, are for debugging only.
 */
export function logExchange(logger: Logger, exchange: Exchange): void {
  const { response, request, failure, verdict } = exchange;
  const answered = response.headersSent;
  const status = answered ? response.statusCode : null;
  logger.log(levelOf(exchange, status), 'request', {
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
