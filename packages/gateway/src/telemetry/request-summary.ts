import type { RequestSummary, Verdict } from '@openrouter-proxy/kms-protocol';
import type { Exchange } from '../http/exchange.ts';

/** How an exchange that is over ended. */
export function verdictOf({ verdict, response }: Exchange): Verdict {
  return verdict ?? (response.writableFinished ? 'complete' : 'client_abort');
}

/** What is remembered of an exchange that is over; null: it was none of a client's with OpenRouter. */
export function requestSummary(exchange: Exchange, now: number): RequestSummary | null {
  const { api, client, response, elapsedMs } = exchange;
  if (api === null || client === null) return null;
  return {
    requestId: exchange.id,
    internalId: exchange.internalId,
    at: Math.round(now - elapsedMs),
    client,
    api,
    model: exchange.model,
    status: response.headersSent ? response.statusCode : null,
    verdict: verdictOf(exchange),
    attempts: exchange.attempts,
    failure: exchange.failure?.code ?? null,
    generationId: exchange.generationId,
    queuedMs: exchange.queuedMs,
    leasedMs: exchange.leaseMs,
    firstContentMs: exchange.firstContentMs,
    totalMs: elapsedMs,
    usage: exchange.usage,
  };
}
