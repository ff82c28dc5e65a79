import type { Logger } from '@openrouter-proxy/runtime';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { RequestRecord } from '../request/request-record.ts';
import type { RequestRecorder } from './request-recorder.ts';
import { requestSummary } from './request-summary.ts';

/** Where requests that are over are noted. */
export interface ObserverDeps {
  readonly metrics: GatewayMetrics;
  readonly recorder: RequestRecorder;
  readonly access: (record: RequestRecord) => void;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Whether a request was refused for a missing or wrong access key. */
function isUnauthorized({ failure }: RequestRecord): boolean {
  return failure?.code === 'unauthorized' || failure?.code === 'too_many_wrong_keys';
}

function noteInLedger(record: RequestRecord, recorder: RequestRecorder, now: number): void {
  const summary = requestSummary(record, now);
  if (summary !== null) recorder.add(summary);
  else if (record.api !== null && isUnauthorized(record)) recorder.addUnauthorized();
}

/** Creates the function that notes a request that is over: in the metrics, the ledger, and the access log. */
export function createObserver({ metrics, recorder, access, logger, now }: ObserverDeps) {
  const observers = [
    (record: RequestRecord) => metrics.request(record),
    (record: RequestRecord) => noteInLedger(record, recorder, now()),
    access,
  ];
  return (record: RequestRecord): void => {
    for (const observe of observers) {
      try {
        observe(record);
      } catch (error) {
        // The other observers still see the request, and the process goes on.
        logger.error('a finished request could not be recorded', { id: record.id, error });
      }
    }
  };
}
