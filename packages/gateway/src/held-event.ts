import type { IncomingMessage } from 'node:http';
import type { HeldAnswer } from './attempt-end.ts';
import { errorBodyForClient } from './error-details.ts';
import { clientResponseHeaders } from './response-headers.ts';
import { maskOf } from './secret-mask.ts';

/** The header of a stream that is decoded here, and whose length nobody knows. */
export function streamHeaders({ headers }: IncomingMessage) {
  const passed = clientResponseHeaders(200, headers);
  delete passed['content-encoding'];
  delete passed['content-length'];
  return passed;
}

/** A stream that holds an error and no content, which can be passed on to the client as it is. */
export function heldEvent(
  upstream: IncomingMessage,
  events: Buffer,
  secret: string | null,
): HeldAnswer {
  const clean = maskOf(secret).bytes(errorBodyForClient(events));
  const headers = streamHeaders(upstream);
  return { answer: (exchange) => exchange.answerWithErrorStream(clean, headers) };
}
