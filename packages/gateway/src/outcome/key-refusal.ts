import type { Outcome, OutcomeKind } from '@openrouter-proxy/kms-protocol';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Refusal } from './outcome.ts';

/** A repeated request gets another key, or is told when one is available. */
const REPEAT_AFTER_MS = 1_000;

const LIMITED: Readonly<Partial<Record<OutcomeKind, string>>> = {
  key_limit_reached: 'its spending limit is reached',
  credits_exhausted: 'the credits of its account are spent',
  budget_exhausted: 'the budget of its account is spent',
  free_tier_exhausted: 'the free requests of its account are used up',
  in_flight_budget_held: 'requests in flight hold the credits of its account',
};

/** Whether an outcome is about the key, and says nothing about the request. */
export function isAboutKey({ kind }: Outcome): boolean {
  return kind === 'unauthorized' || LIMITED[kind] !== undefined;
}

/** Whether a client would read a refusal as one of its own access key or account. */
function isMisleading({ kind, status }: Refusal): boolean {
  return status === 401 || (status === 402 && kind === 'provider_failed');
}

/**
 * The gateway's error in place of a refusal that is about a key of the pool; undefined: the client may
 * see the refusal itself. A client must never read it as a refusal of its own access key.
 */
export function errorInsteadOf(refusal: Refusal, keyless: boolean): GatewayError | undefined {
  const { kind, status } = refusal;
  const limit = LIMITED[kind];
  if (limit !== undefined) {
    const message = `The OpenRouter key that this request was sent under is limited: ${limit} (${status}).`;
    return new GatewayError('keys_limited', message, { retryAfterMs: REPEAT_AFTER_MS });
  }
  if (kind === 'unauthorized' && keyless) return pathNeedsKey(status);
  if (kind === 'unauthorized') {
    const message = `OpenRouter refuses the key that this request was sent under (${status}). It is a key of this gateway: your access key is right.`;
    return new GatewayError('key_refused', message, { retryAfterMs: REPEAT_AFTER_MS });
  }
  if (!isMisleading(refusal)) return undefined;
  const message = `The provider of this model failed with an error about its own key or credits (${status}). Your access key is right.`;
  return new GatewayError('upstream_failed', message);
}

/** The error for a public endpoint that OpenRouter does not serve without a key. */
export function pathNeedsKey(status: number): GatewayError {
  return new GatewayError(
    'no_usable_key',
    `OpenRouter does not serve this path without a key (${status}). The operator of this gateway has to remove it from openrouter.public_endpoints.`,
  );
}
