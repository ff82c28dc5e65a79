import type { HeldAnswer } from '../outcome/attempt-result.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Refusal } from '../outcome/outcome.ts';
import { waitAskedFor } from '../outcome/retry-after.ts';

type EdgeRefusal = Extract<Refusal, { kind: 'edge_blocked' | 'edge_refused' | 'edge_failed' }>;

/** Whether an answer was the edge's, and not OpenRouter's JSON: its words are no use to a client. */
export function isOfEdge(outcome: Refusal): outcome is EdgeRefusal {
  return outcome.kind.startsWith('edge_');
}

const MESSAGES: Readonly<Record<EdgeRefusal['kind'], string>> = {
  edge_blocked:
    'The edge in front of OpenRouter limits this gateway’s address. Send less at once, or try again later.',
  edge_refused:
    'A firewall in front of OpenRouter refused this request, most likely for its content or its size. Other requests are not concerned.',
  edge_failed: 'OpenRouter did not answer; something in front of it did. Try again later.',
};

/** An answer of the edge's: the client gets its status, and an error of the gateway's that names it. */
export function heldPage(outcome: EdgeRefusal): HeldAnswer {
  const { kind, status, detail } = outcome;
  const message = `${MESSAGES[kind]} The answer was HTTP ${status}: ${detail}.`;
  return {
    answer(exchange) {
      const retryAfterMs = waitAskedFor(outcome, Date.now());
      exchange.answerError(new GatewayError(kind, message, { status, retryAfterMs }));
    },
  };
}
