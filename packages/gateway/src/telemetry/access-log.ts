import type { Logger, LogLevel } from '@openrouter-proxy/runtime';
import type { RequestRecord } from '../request/request-record.ts';

const round = (ms: number) => Math.round(ms * 100) / 100;

/** A browser asks without a credential first, and then asks the person for it (RFC 9110, section 11.6.1). */
function isFirstAsk({ api, status, hasCredential }: RequestRecord): boolean {
  return status === 401 && api === null && !hasCredential;
}

function levelOf(record: RequestRecord): LogLevel {
  const { api, path, status } = record;
  if (path.startsWith('/health')) return 'DEBUG'; // health causes have lines of their own
  if (status !== null && status >= 500) return 'ERROR';
  if (isFirstAsk(record)) return 'DEBUG';
  if (status !== null && status >= 400) return 'WARNING';
  return api === null ? 'DEBUG' : 'INFO';
}

/** What OpenRouter's answer used, and OpenRouter's name for it. */
function answerFields({ usage, generationId }: RequestRecord) {
  const name = generationId === null ? {} : { generation_id: generationId };
  if (usage === null) return name;
  const { sent, received, cached, cost } = usage;
  return { ...name, tokens_sent: sent, tokens_received: received, tokens_cached: cached, cost };
}

/**
 * Writes one line for each request that is over. A client's own mistake is a warning, a failure of the
 * gateway or the upstream an error, a client that left neither. Probes and scrapers, which come every
 * few seconds, are logged at DEBUG. Prompts and answers are never logged.
 */
export function logRequest(logger: Logger, record: RequestRecord): void {
  const { failure, firstByteMs } = record;
  logger.log(levelOf(record), 'request', {
    request_id: record.id,
    client: record.client,
    address: record.address,
    method: record.method,
    path: record.path,
    api: record.api,
    model: record.model,
    status: record.status,
    verdict: record.verdict,
    attempts: record.attempts,
    key: record.keyName,
    ...answerFields(record),
    queued_ms: round(record.queuedMs),
    lease_ms: round(record.leaseMs),
    first_byte_ms: firstByteMs === null ? null : round(firstByteMs),
    total_ms: round(record.totalMs),
    ...(failure === null ? {} : { failure: failure.code, cause: failure.cause }),
  });
}
