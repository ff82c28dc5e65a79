import type {
  LedgerStep,
  RequestEnd,
  RequestFilter,
  RequestOutcome,
} from '@openrouter-proxy/kms-protocol';

/** What a filter looks at. */
export interface FilteredRequest {
  readonly info: {
    readonly requestId: string;
    readonly client: string | null;
    readonly model: string | null;
  };
  readonly at: number;
  readonly steps: readonly LedgerStep[];
  readonly end: RequestEnd | null;
}

/** How a request ended for its client. */
export function outcomeOf({ status, verdict }: RequestEnd): Exclude<RequestOutcome, 'running'> {
  if (verdict === 'client_abort') return 'aborted';
  if (verdict !== 'complete' || status === null || status >= 500) return 'failed';
  return status >= 400 ? 'refused' : 'answered';
}

/** Whether every filter that is set lets a request through. */
export function passes(
  { info, at, steps, end }: FilteredRequest,
  { id, outcomes, client, key, model, since }: RequestFilter,
): boolean {
  const outcome = end === null ? 'running' : outcomeOf(end);
  return (
    allows(since, (earliest) => at >= earliest) &&
    allows(client, (name) => (info.client ?? '') === name) &&
    allows(model, (name) => isModel(info.model, name)) &&
    allows(outcomes, (wanted) => wanted.includes(outcome)) &&
    allows(id, (start) => info.requestId.startsWith(start) || end?.generationId === start) &&
    allows(key, (meant) => steps.some((step) => isOnKey(step, meant)))
  );
}

/** True for a filter that is not set, else what the check says. */
const allows = <T>(filter: T | undefined, check: (value: T) => boolean): boolean =>
  filter === undefined || check(filter);

const isModel = (name: string | null, meant: string): boolean =>
  name === meant || (name !== null && name.slice(name.indexOf('/') + 1) === meant);

const isOnKey = (step: LedgerStep, key: string): boolean =>
  step.kind === 'attempt' && (step.keyId === key || step.keyName === key);
