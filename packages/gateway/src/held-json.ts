import type { IncomingMessage } from 'node:http';
import type { HeldAnswer } from './attempt-end.ts';
import { errorBodyForClient } from './error-details.ts';
import type { Refusal } from './outcome.ts';
import { clientResponseHeaders } from './response-headers.ts';

/** When to come back, where the upstream says so in its body only: many clients read no more than the header. */
function secondsToWait({ evidence }: Refusal): string | undefined {
  return evidence.find(
    ({ field, value }) => /^retry[-_]after/.test(field) && /^\d{1,6}$/.test(value),
  )?.value;
}

/** The body without the key that the request was sent under. */
function withoutSecret(body: Buffer, secret: string | null): Buffer {
  if (secret === null || !body.includes(secret)) return body;
  return Buffer.from(body.toString('utf8').replaceAll(secret, '***'));
}

/** An error document of the upstream's, decoded, that can be passed on to the client. */
export function heldJson(
  { statusCode: status = 502, headers: upstreamHeaders }: IncomingMessage,
  body: Buffer,
  { secret, outcome }: { secret: string | null; outcome: Refusal },
): HeldAnswer {
  return {
    answer(exchange) {
      const headers = clientResponseHeaders(status, upstreamHeaders, secret);
      delete headers['content-encoding'];
      const seconds = secondsToWait(outcome);
      if (seconds !== undefined) headers['retry-after'] ??= seconds;
      const clean = errorBodyForClient(withoutSecret(body, secret));
      exchange.answerWithError(status, clean, headers);
    },
  };
}
