import type { ServerResponse } from 'node:http';
import type { Outcome, Verdict } from '@openrouter-proxy/kms-protocol';
import type { StopReason } from '../request/request-end.ts';
import type { UpstreamFailureKind } from '../upstream/upstream-failure.ts';
import type { Answered } from './attempt-result.ts';

/** How an answer can break off. `cut_off`: the gateway had to end it. */
export type Break = Exclude<Verdict, 'complete' | 'error'> | 'cut_off';

/** How an answer that has begun breaks off when its request is cancelled. */
export function breakOf(reason: StopReason | null): Break {
  return reason?.kind === 'error' ? 'cut_off' : 'client_abort';
}

const VERDICT_OF: Readonly<Record<Break, Verdict>> = {
  client_abort: 'client_abort',
  cut_off: 'truncated',
  stalled: 'stalled',
  truncated: 'truncated',
};

/** The failure of an attempt whose answer breaks off before its content. */
export const FAILURE_OF = {
  client_abort: 'aborted',
  cut_off: 'aborted',
  stalled: 'timeout',
  truncated: 'truncated',
} as const satisfies Record<Break, UpstreamFailureKind>;

const OUTCOME_OF: Readonly<Record<Break, Outcome>> = {
  client_abort: { kind: 'client_abort' },
  cut_off: { kind: 'client_abort' }, // neither the key nor OpenRouter is at fault
  stalled: { kind: 'timeout', detail: 'the upstream fell silent within its answer' },
  truncated: { kind: 'truncated', detail: 'the upstream broke off within its answer' },
};

/** Resolves when the client's connection is done with the answer. */
export async function whenClosed(response: ServerResponse): Promise<void> {
  if (response.closed) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  response.once('close', () => resolve(undefined));
  await promise;
}

/** How an answer ended whose connection is done with it, given what broke it off. */
export function answered(response: ServerResponse, broken: Break | undefined): Answered {
  if (response.writableFinished && broken === undefined) {
    const outcome = { kind: 'success', status: response.statusCode } as const;
    return { kind: 'answered', outcome, verdict: 'complete' };
  }
  const why = broken ?? 'client_abort';
  return { kind: 'answered', outcome: OUTCOME_OF[why], verdict: VERDICT_OF[why] };
}
