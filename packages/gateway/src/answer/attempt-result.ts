import type { IncomingHttpHeaders } from 'node:http';
import type { Api, Outcome, Usage, Verdict } from '@openrouter-proxy/kms-protocol';
import type { GatewayConfiguration } from '@openrouter-proxy/config';
import type { Refusal } from '../outcome/outcome.ts';
import type { Cancellation } from '../request/cancellation.ts';
import { failureOutcome, type UpstreamFailure } from '../upstream/upstream-failure.ts';
import type { DeferredError } from './deferred-error.ts';

/** The client has the answer, whole or broken off. */
export interface Answered {
  readonly kind: 'answered';
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  /** What it used. Null: something unknown; left out: it is no answer of a model. */
  readonly usage?: Usage | null;
}

/** The upstream refused, by its status or within a 200. Nothing of it has reached the client. */
export interface Refused {
  readonly kind: 'refused';
  readonly outcome: Refusal;
  readonly error: DeferredError;
}

/** There was no answer, or none that had begun. */
export interface Failed {
  readonly kind: 'failed';
  readonly outcome: Outcome;
  readonly failure: UpstreamFailure;
}

/** How an attempt ended. Another may follow, unless the client has an answer. */
export type AttemptResult = Answered | Unanswered;

/** The end of an attempt after which the client still needs an answer. */
export type Unanswered = Refused | Failed;

/** The result of an attempt that failed. */
export function failedAttempt(failure: UpstreamFailure): Failed {
  return { kind: 'failed', outcome: failureOutcome(failure), failure };
}

/** What an answer is taken in and passed on under. */
export interface AnswerOptions {
  readonly forwarding: Pick<GatewayConfiguration['forwarding'], 'idleTimeoutMs'>;
  /** `tokens`: whether the usage in answers is read. */
  readonly metrics: Pick<GatewayConfiguration['metrics'], 'tokens'>;
  readonly cancellation: Cancellation;
  /** The key that the request was sent under, which an upstream might echo. */
  readonly secret: string | null;
  /** Called once, just before the answer's first content is sent to the client. */
  readonly onContent: () => void;
  /** What a whole JSON answer becomes before its client gets it; null: it stays as it is. */
  readonly prepare: ((document: Buffer, headers: IncomingHttpHeaders) => Promise<Buffer>) | null;
}

/** Whether nothing of the request reached OpenRouter, for certain. */
export function isUnsent(result: AttemptResult): boolean {
  if (result.kind === 'failed')
    return result.failure.beforeWork && result.failure.kind !== 'broken';
  return result.outcome.kind === 'edge_blocked';
}

/** What an attempt used. Null: it was sent and failed, so the upstream may have done some work. */
export function usedBy(result: AttemptResult, api: Api | null): Usage | null | undefined {
  if (result.kind === 'answered') return result.usage;
  const isInference = api !== null && api !== 'other';
  return result.kind === 'failed' && isInference && !result.failure.beforeWork ? null : undefined;
}
