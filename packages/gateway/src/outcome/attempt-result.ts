import type { Api, Outcome, Usage } from '@openrouter-proxy/kms-protocol';
import type { Exchange } from '../http/exchange.ts';
import type { Refusal } from './outcome.ts';
import type { UpstreamFailure } from '../upstream/upstream-failure.ts';

/** An answer of the upstream's that is held back: nothing of it has reached the client. */
export interface HeldAnswer {
  /** Passes OpenRouter's own words on to the client. */
  answer(exchange: Exchange): void;
}

/** The answer is with the client, whole or broken off; `outcome` says which. */
export interface Answered {
  kind: 'answered';
  outcome: Outcome;
  /** What it used. Null: something, and it does not say what; left out: it is no answer of a model. */
  usage?: Usage | null;
}

/** How an attempt ended. Only after `answered` is there nothing more that could be tried. */
export type AttemptResult =
  | Answered
  /** The upstream said no, by its status or within a 200. */
  | { kind: 'refused'; outcome: Refusal; held: HeldAnswer }
  /** There was no answer, or none that had begun. */
  | { kind: 'failed'; outcome: Outcome; failure: UpstreamFailure };

/** Whether nothing of the request reached OpenRouter, for certain. */
export function isUnsent(end: AttemptResult): boolean {
  if (end.kind === 'failed') return end.failure.beforeWork && end.failure.kind !== 'broken';
  return end.outcome.kind === 'edge_blocked';
}

/** What an answer is passed on under. */
export interface AnswerLimits {
  /** The longest silence, in milliseconds. */
  idleTimeoutMs: number;
  /** Aborts when the client is gone, or the deadline has passed before the answer began. */
  signal: AbortSignal;
  /** The key the request was sent under, which an upstream might echo. */
  secret: string | null;
  /** Whether what the answer used is read. */
  countsTokens: boolean;
  /** Called once, when the answer's first content is about to reach the client. */
  onContent: () => void;
}

/** What an attempt used: one that failed after it was sent may have been worked on. */
export function usedBy(end: AttemptResult, api: Api | null): Usage | null | undefined {
  if (end.kind === 'answered') return end.usage;
  const isInference = api !== null && api !== 'other';
  return end.kind === 'failed' && isInference && !end.failure.beforeWork ? null : undefined;
}
