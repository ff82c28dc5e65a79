import { GatewayError } from '../errors/gateway-error.ts';
import type { Refusal } from '../outcome/outcome.ts';
import { waitAskedFor } from '../outcome/retry-after.ts';

/** A refusal by the edge in front of OpenRouter. */
export type EdgeRefusal = Extract<
  Refusal,
  { kind: 'edge_blocked' | 'edge_refused' | 'edge_failed' }
>;

/** Whether an answer came from the edge, and is not OpenRouter's JSON: its words are of no use to a client. */
export function isEdgeRefusal(outcome: Refusal): outcome is EdgeRefusal {
  return outcome.kind.startsWith('edge_');
}

const MESSAGES: Readonly<Record<EdgeRefusal['kind'], string>> = {
  edge_blocked:
    'The edge in front of OpenRouter limits this gateway’s address. Send less at once, or try again later.',
  edge_refused:
    'A firewall in front of OpenRouter refused this request, most likely for its content or its size. Other requests are not concerned.',
  edge_failed: 'OpenRouter did not answer; something in front of it did. Try again later.',
};

/** The gateway's error in place of a page of the edge. It keeps the page's status. */
export function edgeError(outcome: EdgeRefusal, now: number): GatewayError {
  const { kind, status, detail } = outcome;
  const message = `${MESSAGES[kind]} The answer was HTTP ${status}: ${detail}.`;
  return new GatewayError(kind, message, { status, retryAfterMs: waitAskedFor(outcome, now) });
}
