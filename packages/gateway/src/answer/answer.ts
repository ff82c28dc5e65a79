import type { Api } from '@openrouter-proxy/kms-protocol';
import type { RequestContext } from '../response/request-context.ts';
import type { ResponseWriter } from '../response/response-writer.ts';
import type { RequestIdentity } from '../request/request-progress.ts';
import { documentInsteadOfStream, noDocument } from '../upstream/upstream-failure.ts';
import type { UpstreamResponse } from '../upstream/upstream.ts';
import { failedAttempt, type AnswerOptions, type AttemptResult } from './attempt-result.ts';
import { answerJson } from './json-answer.ts';
import type { Keepalive } from './keepalive.ts';
import { relay } from './passthrough.ts';
import { readRefusal } from './refused-response.ts';
import { answerStream } from './stream-answer.ts';

const JSON_TYPE = /^application\/(json|[\w.-]+\+json)\b/i;
const STREAM_TYPE = /^text\/event-stream\b/i;

/** The APIs whose answers are understood well enough to hold back a failed one. */
function isUnderstood(api: Api | null): boolean {
  return api !== null && api !== 'other';
}

/**
 * Whether a whole JSON document is due where the answer is labelled as one. A file may hold anything,
 * and the answer to a DELETE may be empty.
 */
function isDocumentDue({ path, method }: RequestIdentity): boolean {
  return (method === 'GET' || method === 'POST') && !/\/content\/?$/.test(path);
}

/** How a response is taken in, by its head. */
type AnswerKind = 'refusal' | 'stream' | 'model answer' | 'document' | 'bytes';

/** Whether a JSON answer is read before its client gets it. */
function isPrepared(status: number, type: string, prepare: AnswerOptions['prepare']): boolean {
  return prepare !== null && status < 300 && JSON_TYPE.test(type);
}

function kindOf(
  { statusCode, headers }: UpstreamResponse,
  context: RequestContext,
  { prepare }: Pick<AnswerOptions, 'prepare'>,
): AnswerKind {
  const { identity, writer } = context;
  if (statusCode >= 400) return 'refusal';
  const type = headers['content-type'] ?? '';
  if (statusCode !== 200) return isPrepared(statusCode, type, prepare) ? 'document' : 'bytes';
  if (isUnderstood(identity.api) && identity.method === 'POST') {
    if (STREAM_TYPE.test(type) && !writer.isDocument) return 'stream';
    // Also a page, or an answer without a type: it is used if it is JSON, and refused if it is not.
    return 'model answer';
  }
  return JSON_TYPE.test(type) && isDocumentDue(identity) ? 'document' : 'bytes';
}

/** Takes in a response, and passes it on unless it turns out to be an error, or no usable answer. */
export function takeAnswer(
  response: UpstreamResponse,
  context: RequestContext,
  options: AnswerOptions & { readonly keepalive: Keepalive },
): Promise<AttemptResult> {
  const { writer } = context;
  switch (kindOf(response, context, options)) {
    case 'refusal':
      return readRefusal(response, options);
    case 'stream':
      options.keepalive.expectStream();
      return answerStream(response, context, options);
    case 'model answer':
      return answerJson(response, context, { ...options, isModelAnswer: true });
    case 'document':
      options.keepalive.expectDocument();
      return answerJson(response, context, { ...options, isModelAnswer: false });
    case 'bytes':
      if (!writer.hasBegun) return relay(response, context, options);
      response.destroy();
      return Promise.resolve(unfit(writer));
  }
}

/** The answer that has begun cannot become what the upstream sends. */
function unfit({ isStreaming }: ResponseWriter): AttemptResult {
  return failedAttempt(isStreaming ? documentInsteadOfStream() : noDocument());
}
