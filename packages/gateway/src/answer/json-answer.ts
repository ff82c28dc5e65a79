import type { IncomingHttpHeaders } from 'node:http';
import { failedAttempt, type AnswerOptions, type AttemptResult } from './attempt-result.ts';
import { brokenDocument, undecodable } from './broken-document.ts';
import { readResponseBody } from '../upstream/response-body.ts';
import { decode } from '../upstream/decoding.ts';
import { documentState } from '../upstream/json-scan.ts';
import { reportsError } from '../outcome/error-member.ts';
import type { RequestContext } from '../response/request-context.ts';
import { classifyErrorWithin } from '../outcome/outcome.ts';
import { answered, whenClosed } from './answer-end.ts';
import { relay } from './passthrough.ts';
import { clientResponseHeaders } from '../upstream/response-headers.ts';
import { maskOf } from '../upstream/secret-mask.ts';
import { documentInsteadOfStream, UpstreamFailure } from '../upstream/upstream-failure.ts';
import type { UpstreamResponse } from '../upstream/upstream.ts';
import { lastUsage } from '../outcome/usage.ts';

/** A larger answer is passed on as it comes: it is no error. */
const MAX_HELD = 1024 * 1024;
/** The same for the decoded size of a compressed one: decoding blocks the event loop. */
const MAX_DECODED = 4 * MAX_HELD;

/** The name of an `error` member. Within a string its quotation marks would be escaped. */
const ERROR_MEMBER = Buffer.from('"error"');
/** Members that an error document has: one with only these holds no answer. */
const NO_ANSWER: ReadonlySet<string> = new Set(['error', 'id', 'metadata', 'type', 'user_id']);

/** Whether a document is an error: by a member at its top, or in place of the answer in a choice. */
function isError(text: string): boolean {
  try {
    const document = JSON.parse(text) as { error?: unknown; choices?: unknown };
    const { error, choices } = document;
    if (reportsError(error)) return true;
    if (error !== undefined && Object.keys(document).every((name) => NO_ANSWER.has(name)))
      return true;
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

/** The kind of endpoint that answers. */
export interface DocumentOptions {
  /** Whether a model answers: then an error may stand within the document, and usage at its end. */
  isModelAnswer: boolean;
}

/**
 * Takes in an answer that is one JSON document, and passes it on once it is complete, unless it is
 * an error with status 200 (OpenRouter docs, "Errors and debugging").
 */
export async function answerJson(
  upstream: UpstreamResponse,
  context: RequestContext,
  options: AnswerOptions & DocumentOptions,
): Promise<AttemptResult> {
  const { headers } = upstream;
  const read = await readResponseBody(upstream, {
    maxBytes: MAX_HELD,
    idleMs: options.forwarding.idleTimeoutMs,
    signal: options.cancellation.signal,
  });
  if (read instanceof UpstreamFailure) return failedAttempt(read);
  const { chunks, whole } = read;
  const [first, ...others] = chunks;
  const body = first !== undefined && others.length === 0 ? first : Buffer.concat(chunks);
  const decoded = whole ? decode(body, headers, MAX_DECODED) : { kind: 'too large' as const };
  switch (decoded.kind) {
    case 'decoded':
      return answerWhole(upstream, { body, text: decoded.bytes }, context, options);
    case 'too large':
      return answerLarge(upstream, chunks, context, options);
    case 'unknown coding':
    case 'damaged':
      return failedAttempt(undecodable());
  }
}

/** Passes on a document that is too large to hold. */
function answerLarge(
  upstream: UpstreamResponse,
  begun: readonly Buffer[],
  context: RequestContext,
  options: AnswerOptions,
): Promise<AttemptResult> {
  if (context.writer.isStreaming) {
    upstream.destroy();
    return Promise.resolve(failedAttempt(documentInsteadOfStream()));
  }
  return relay(upstream, context, options, { begun, isDocument: true });
}

/** A document as it was sent, and its text. They are the same buffer where it is not compressed. */
interface WholeDocument {
  readonly body: Buffer;
  readonly text: Buffer;
}

async function answerWhole(
  upstream: UpstreamResponse,
  { body, text }: WholeDocument,
  { writer }: RequestContext,
  { secret, metrics, onContent, prepare, isModelAnswer }: AnswerOptions & DocumentOptions,
): Promise<AttemptResult> {
  const { headers, statusCode: sent } = upstream;
  const broken = brokenDocument(documentState(text), headers);
  if (broken !== undefined) return failedAttempt(broken);
  if (isModelAnswer && holdsError(text)) {
    const outcome = classifyErrorWithin(text.toString('utf8'), headers);
    // An error within a 200 gets the status that it names.
    const status = sent >= 400 ? sent : outcome.status;
    const error = { kind: 'document', status, body: text, headers, outcome, secret } as const;
    return { kind: 'refused', outcome, error };
  }
  if (writer.isStreaming) return failedAttempt(documentInsteadOfStream());
  onContent();
  const masked = maskOf(secret).bytes(text);
  const clean = prepare === null ? masked : await prepare(masked, headers);
  const isPassedAsSent = clean === text && !writer.isDocument;
  const passed = documentHeaders(sent, headers, isPassedAsSent && body !== text);
  writer.answer(sent, isPassedAsSent ? body : clean, passed);
  await whenClosed(writer.response);
  const result = answered(writer.response, undefined);
  if (!isModelAnswer) return result;
  return { ...result, usage: metrics.tokens ? lastUsage(text) : null };
}

function holdsError(text: Buffer): boolean {
  return text.length <= MAX_HELD && text.includes(ERROR_MEMBER) && isError(text.toString('utf8'));
}

function documentHeaders(status: number, headers: IncomingHttpHeaders, isCoded: boolean) {
  const passed = clientResponseHeaders(status, headers);
  if (!isCoded) delete passed['content-encoding'];
  return passed;
}
