import type { IncomingMessage } from 'node:http';
import type { HeldAnswer } from './attempt-end.ts';
import { errorBodyForClient } from './error-details.ts';
import type { Refusal } from './outcome.ts';
import { clientResponseHeaders } from './response-headers.ts';
import { maskOf } from './secret-mask.ts';

/** When to come back, where the upstream says so in its body only: many clients read no more than the header. */
function secondsToWait({ evidence }: Refusal): string | undefined {
  return evidence.find(
    ({ field, value }) => /^retry[-_]after/.test(field) && /^\d{1,6}$/.test(value),
  )?.value;
}

/** An error document of the upstream's, decoded, that can be passed on to the client. */
export function heldJson(
  { statusCode: status = 502, headers: upstreamHeaders }: IncomingMessage,
  body: Buffer,
  { secret, outcome }: { secret: string | null; outcome: Refusal },
): HeldAnswer {
  return {
    answer(exchange) {
      const headers = clientResponseHeaders(status, upstreamHeaders);
      delete headers['content-encoding'];
      const seconds = secondsToWait(outcome);
      if (seconds !== undefined) headers['retry-after'] ??= seconds;
      const mask = maskOf(secret);
      // Before: the key may be cut in two by what is taken out. After: JSON may have been unescaped.
      const clean = mask.bytes(errorBodyForClient(mask.bytes(body)));
      exchange.answerWithError(status, clean, headers);
    },
  };
}
