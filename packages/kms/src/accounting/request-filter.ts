import {
  outcomeOfRequest,
  type LedgerStep,
  type RequestSummary,
  type RequestFilter,
} from '@openrouter-proxy/kms-protocol';

/** The part of a request that filters read. */
export interface FilteredRequest {
  readonly info: {
    readonly requestId: string;
    readonly internalId: string;
    readonly client: string | null;
    readonly model: string | null;
  };
  readonly at: number;
  readonly steps: readonly LedgerStep[];
  readonly end: RequestSummary | null;
}

/** Whether a request passes every filter that is set. */
export function passes(
  { info, at, steps, end }: FilteredRequest,
  { id, outcomes, client, key, model, since }: RequestFilter,
): boolean {
  const outcome = end === null ? 'running' : outcomeOfRequest(end);
  return (
    allows(since, (earliest) => at >= earliest) &&
    allows(client, (name) => (info.client ?? '') === name) &&
    allows(model, (name) => isModel(info.model, name)) &&
    allows(outcomes, (wanted) => wanted.includes(outcome)) &&
    allows(id, (start) => isCalled(info, end, start)) &&
    allows(key, (meant) => steps.some((step) => isOnKey(step, meant)))
  );
}

const isCalled = (
  { requestId, internalId }: FilteredRequest['info'],
  end: RequestSummary | null,
  start: string,
): boolean =>
  requestId.startsWith(start) || internalId.startsWith(start) || end?.generationId === start;

/** True if the filter is not set, else the result of the check. */
const allows = <T>(filter: T | undefined, check: (value: T) => boolean): boolean =>
  filter === undefined || check(filter);

const isModel = (name: string | null, meant: string): boolean =>
  name === meant || (name !== null && name.slice(name.indexOf('/') + 1) === meant);

const isOnKey = (step: LedgerStep, key: string): boolean =>
  step.kind === 'attempt' && (step.keyId === key || step.keyName === key);
