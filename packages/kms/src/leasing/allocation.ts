import type { Api } from '@openrouter-proxy/kms-protocol';
import type { RequestInfo } from '../accounting/ledger.ts';

/** The parameters of `lease.acquire`. */
export interface AcquireRequest {
  readonly requestId?: string | undefined;
  readonly internalId?: string | undefined;
  readonly api?: Api | undefined;
  readonly model?: string | null | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly excludeAccountsOf?: readonly string[] | undefined;
  readonly client?: string | undefined;
  readonly affinity?: string | undefined;
  readonly account?: string | undefined;
  readonly waitMs?: number | undefined;
  /** How long it may wait for the probe of a circuit breaker, in milliseconds. */
  readonly probeWaitMs?: number | undefined;
}

/** A request for a lease, with defaults for what the gateway left out. */
export interface AllocationRequest extends RequestInfo {
  readonly session: number;
  /** True for a request to a model, false for any other endpoint. */
  readonly isInference: boolean;
  /** Keys that the request has tried. */
  readonly exclude: readonly string[];
  /** Tried keys whose account refused the request. */
  readonly excludeAccountsOf: readonly string[];
  /** The conversation of the request; null if the client names none. */
  readonly affinity: string | null;
  /** The only account that can serve the request; null if any can. */
  readonly account: string | null;
}

/** Reads a session's request for a lease. */
export function allocationRequest(session: number, request: AcquireRequest): AllocationRequest {
  const { requestId = '', api = 'other', client = null, model = null } = request;
  const { internalId = requestId } = request;
  const { exclude = [], excludeAccountsOf = [], affinity = null, account = null } = request;
  const about = {
    session,
    requestId,
    internalId,
    api,
    client,
    model,
    isInference: request.api !== 'other',
  };
  return { ...about, exclude, excludeAccountsOf, affinity, account };
}
