import type { IncomingMessage } from 'node:http';
import type { AnswerLimits, AttemptEnd } from './attempt-end.ts';
import { collect } from './collect.ts';
import { decodeBody } from './decoding.ts';
import { reportsError } from './error-member.ts';
import { heldJson } from './held-json.ts';
import type { Exchange } from './exchange.ts';
import { classifyErrorWithin } from './outcome.ts';
import { deliver, relay } from './relay.ts';
import { clientResponseHeaders } from './response-headers.ts';
import { documentInsteadOfStream } from './upstream-failure.ts';
import { lastUsage } from './usage.ts';

/** A larger answer is passed on as it comes: it is no error. */
const MAX_HELD = 1024 * 1024;

/** As a member's name. Within a text its quotation marks would be escaped. */
const ERROR_MEMBER = Buffer.from('"error"');

/** Whether a document with such a member is an error: at its top, or in place of the answer in a choice. */
function isError(text: string): boolean {
  try {
    const { error, choices } = JSON.parse(text) as { error?: unknown; choices?: unknown };
    if (reportsError(error)) return true;
    return Array.isArray(choices) && choices.some((choice) => hasError(choice));
  } catch {
    return false;
  }
}

function hasError(choice: unknown): boolean {
  if (typeof choice !== 'object' || choice === null) return false;
  const { error, finish_reason } = choice as { error?: unknown; finish_reason?: unknown };
  return reportsError(error) || finish_reason === 'error';
}

/**
 * Takes in an answer that is one JSON document, and passes it on when all of it is there and it is
 * no error in disguise (OpenRouter docs, "Errors and debugging"). Rejects with an UpstreamFailure.
 */
export async function answerJson(
  upstream: IncomingMessage,
  exchange: Exchange,
  limits: AnswerLimits,
): Promise<AttemptEnd> {
  const { secret, signal, idleTimeoutMs, onContent } = limits;
  const { headers, statusCode: status = 200 } = upstream;
  const { chunks, whole } = await collect(upstream, {
    maxBytes: MAX_HELD,
    idleMs: idleTimeoutMs,
    signal,
  });
  if (!whole && !exchange.isStreaming) return relay(upstream, exchange, limits, chunks);
  const [first, ...others] = chunks;
  const body = first !== undefined && others.length === 0 ? first : Buffer.concat(chunks);
  const text = decodeBody(body, headers, MAX_HELD * 16);
  if (text?.includes(ERROR_MEMBER) === true && isError(text.toString('utf8'))) {
    const outcome = classifyErrorWithin(text.toString('utf8'), headers);
    return { kind: 'refused', outcome, held: heldJson(upstream, text, { secret, outcome }) };
  }
  if (exchange.isStreaming) throw documentInsteadOfStream();
  onContent();
  const usage = limits.countsTokens && text !== undefined ? lastUsage(text) : null;
  const passed = clientResponseHeaders(status, headers, secret);
  return deliver(exchange, { status, body, headers: passed, usage });
}
