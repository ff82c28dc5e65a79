import type { IncomingMessage } from 'node:http';
import type { HeldAnswer } from './attempt-end.ts';
import { errorBodyForClient } from './error-details.ts';
import type { Refusal } from './outcome.ts';
import { secondsToWait } from './retry-after.ts';
import { clientResponseHeaders } from './response-headers.ts';
import { maskOf } from './secret-mask.ts';

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
      // Where the upstream says it in its body only: many clients read no more than the header.
      const seconds = secondsToWait(outcome);
      if (seconds !== undefined) headers['retry-after'] ??= seconds;
      const mask = maskOf(secret);
      // Before: the key may be cut in two by what is taken out. After: JSON may have been unescaped.
      const clean = mask.bytes(errorBodyForClient(mask.bytes(body)));
      exchange.answerWithError(status, clean, headers);
    },
  };
}
