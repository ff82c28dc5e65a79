import type { RequestSummary } from '@openrouter-proxy/kms-protocol';
import type { RequestRecord } from '../request/request-record.ts';

/** What the ledger keeps of a request that is over; null: it was no client's request to OpenRouter. */
export function requestSummary(record: RequestRecord, now: number): RequestSummary | null {
  const { api, client, totalMs } = record;
  if (api === null || client === null) return null;
  return {
    requestId: record.id,
    internalId: record.internalId,
    at: Math.round(now - totalMs),
    client,
    api,
    model: record.model,
    status: record.status,
    verdict: record.verdict,
    attempts: record.attempts,
    failure: record.failure?.code ?? null,
    generationId: record.generationId,
    queuedMs: record.queuedMs,
    leasedMs: record.leaseMs,
    firstContentMs: record.firstContentMs,
    totalMs,
    usage: record.usage,
  };
}
