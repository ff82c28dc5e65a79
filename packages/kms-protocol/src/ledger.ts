import * as z from 'zod';
import { instant } from './instant.ts';
import { keyId } from './key-view.ts';
import { usageTold } from './usage.ts';

/** OpenRouter's inference APIs; `other` is every other path. */
export const api = z.enum(['chat', 'responses', 'messages', 'completions', 'embeddings', 'other']);
export type Api = z.infer<typeof api>;

/** How a relayed answer ended. */
export const verdict = z.enum(['complete', 'error', 'truncated', 'client_abort', 'stalled']);
export type Verdict = z.infer<typeof verdict>;

/**
 * How a request ended for its client: answered (below 400), refused (4xx), failed (5xx, a broken
 * answer, or none), aborted by the client; or it is running.
 */
export const requestOutcome = z.enum(['answered', 'refused', 'failed', 'aborted', 'running']);
export type RequestOutcome = z.infer<typeof requestOutcome>;

/** What a client calls its request, or the gateway if the client does not; several requests may have the same. */
export const requestId = z.string().min(1).max(128);
/** What the gateway calls a request: no other has the same. Left out: the request's id. */
export const internalId = z.string().min(1).max(128).optional();
export const model = z.string().max(256);
export const client = z.string().max(128);
const milliseconds = z.number().nonnegative();

/** OpenRouter's name for a generation, `gen-…`. */
const generationId = z.string().max(100);

/** A request that is over, as the gateway saw it. Times in milliseconds. */
export const requestSummary = z.strictObject({
  requestId,
  internalId,
  at: instant,
  client: client.nullable(),
  api,
  model: model.nullable(),
  /** Of the answer; null: there was none. */
  status: z.int().nullable(),
  verdict,
  attempts: z.int().nonnegative(),
  /** What the gateway answered by itself, as its own error code. */
  failure: z.string().max(64).nullable(),
  generationId: generationId.nullable(),
  queuedMs: milliseconds,
  leasedMs: milliseconds,
  /** Until the answer's first content; null: there was none. */
  firstContentMs: milliseconds.nullable(),
  totalMs: milliseconds,
  usage: usageTold,
});
export type RequestSummary = z.infer<typeof requestSummary>;

/** How a request that is over ended for its client. */
export function outcomeOfRequest({
  status,
  verdict: ended,
}: RequestSummary): Exclude<RequestOutcome, 'running'> {
  if (ended === 'client_abort') return 'aborted';
  if (ended !== 'complete' || status === null || status >= 500) return 'failed';
  return status >= 400 ? 'refused' : 'answered';
}

/** A key that could not be chosen. */
export const leftOut = z.strictObject({
  keyName: z.string(),
  /** `tried`: by this request, before. */
  why: z.string().max(100),
  until: instant.nullable(),
});
export type LeftOut = z.infer<typeof leftOut>;

const choice = {
  at: instant,
  /** How many keys could serve. */
  candidates: z.int().nonnegative(),
  /** The first of those that could not. */
  leftOut: z.array(leftOut).max(16),
  leftOutCount: z.int().nonnegative(),
};

/** What a request has been through at the key service. */
export const ledgerStep = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('attempt'),
    ...choice,
    keyId,
    keyName: z.string(),
    /** What put the key first among those that could serve. */
    rule: z.string().max(64),
    endedAt: instant.nullable(),
    /** An outcome's name; null: it is under way. */
    outcome: z.string().max(64).nullable(),
    status: z.int().nullable(),
    detail: z.string().max(300),
    usage: usageTold,
    /** What it meant for keys, accounts, models. */
    followed: z.array(z.string().max(300)).max(8),
  }),
  z.strictObject({
    kind: z.literal('refused'),
    ...choice,
    reason: z.string().max(64),
    retryAfterMs: z.number().nullable(),
  }),
]);
export type LedgerStep = z.infer<typeof ledgerStep>;

/** A key that is lent at the moment, and for what. */
export const leaseView = z.strictObject({
  keyId,
  keyName: z.string(),
  requestId,
  client: client.nullable(),
  api,
  model: model.nullable(),
  since: instant,
});
export type LeaseView = z.infer<typeof leaseView>;

/** A request as the key service remembers it. */
export const requestView = z.strictObject({
  requestId,
  internalId,
  at: instant,
  client: client.nullable(),
  api,
  model: model.nullable(),
  steps: z.array(ledgerStep).max(100),
  /** Null: it is under way, or its gateway is gone. */
  end: requestSummary.nullable(),
});
export type RequestView = z.infer<typeof requestView>;
