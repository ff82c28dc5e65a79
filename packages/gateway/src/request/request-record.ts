import type { Verdict } from '@openrouter-proxy/kms-protocol';
import type { RequestEnd } from './request-end.ts';
import type { Progress, RequestIdentity, RequestProgress } from './request-progress.ts';

/** A request that is over, as the log, the metrics and the ledger see it. */
export interface RequestRecord extends RequestIdentity, Progress {
  /** Whether the client sent an access key, right or wrong. */
  readonly hasCredential: boolean;
  /** Null: no head was sent. */
  readonly status: number | null;
  /** How the request ended for its client. */
  readonly verdict: Verdict;
  /** How an answer that had begun ended; null: the gateway answered by itself, in one piece. */
  readonly answerVerdict: Verdict | null;
  /** From the request's head to that of its answer. */
  readonly firstByteMs: number | null;
  readonly totalMs: number;
}

/** What the connection shows when it is over. */
export interface AnswerState {
  readonly status: number | null;
  readonly firstByteMs: number | null;
  /** Whether all of the answer was handed to the client's connection. */
  readonly isSent: boolean;
  /** Whether an answer that had begun was ended with an error. */
  readonly endedWithError: boolean;
}

/** How the answer ended, if it was more than an answer of the gateway's own in one piece. */
function answerVerdict(end: RequestEnd, answer: AnswerState, attempts: number): Verdict | null {
  if (end.kind === 'answered' && end.verdict !== null) return end.verdict;
  if (answer.endedWithError) return 'error';
  return end.kind === 'client-gone' && attempts > 0 ? 'client_abort' : null;
}

/** Assembles the record of a request that is over. */
export function requestRecord(
  request: RequestIdentity & { readonly hasCredential: boolean },
  progress: RequestProgress,
  answer: AnswerState,
  end: RequestEnd,
): RequestRecord {
  const { status, firstByteMs, isSent } = answer;
  const ended = answerVerdict(end, answer, progress.known.attempts);
  return {
    ...request,
    ...progress.known,
    status,
    verdict: ended ?? (isSent ? 'complete' : 'client_abort'),
    answerVerdict: ended,
    firstByteMs,
    totalMs: progress.elapsedMs,
  };
}
