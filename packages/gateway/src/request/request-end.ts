import type { Verdict } from '@openrouter-proxy/kms-protocol';
import type { GatewayError } from '../errors/gateway-error.ts';

/** How the work for a request ended. */
export type RequestEnd =
  /** The client has an answer, whole or broken off. `verdict`: of the upstream's answer; null: it was no upstream's. */
  { readonly kind: 'answered'; readonly verdict: Verdict | null } | StopReason;

/** Why no answer was sent. */
export type StopReason =
  /** The client is to be answered with this error. */
  | { readonly kind: 'error'; readonly error: GatewayError }
  /** The client closed its connection. */
  | { readonly kind: 'client-gone' };

/** The gateway's own answer has been sent. */
export const ANSWERED: RequestEnd = { kind: 'answered', verdict: null };

/** The client closed its connection. */
export const CLIENT_GONE: StopReason = { kind: 'client-gone' };

/** The client is to be answered with an error. */
export function endWithError(error: GatewayError): StopReason {
  return { kind: 'error', error };
}
