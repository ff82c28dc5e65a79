import type { Api } from '@openrouter-proxy/kms-protocol';
import type { RequestInfo } from '../accounting/ledger.ts';

/** What a lease is asked for with. */
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
  /** How long it may wait for the result of another request. */
  readonly probeWaitMs?: number | undefined;
}

/** What a lease is wanted for. */
export interface AllocationRequest extends RequestInfo {
  readonly session: number;
  /** Whether it is for a model's answer, and not for another endpoint. */
  readonly isInference: boolean;
  /** Keys the request has tried. */
  readonly exclude: readonly string[];
  /** Of these, the keys whose account refused the request. */
  readonly excludeAccountsOf: readonly string[];
  /** The conversation it belongs to; null: not told. */
  readonly affinity: string | null;
  /** The only account that can serve the request; null: any account can. */
  readonly account: string | null;
}

/** What is wanted, as a session has asked for it. */
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
