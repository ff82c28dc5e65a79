import type { Api } from '@openrouter-proxy/kms-protocol';
import { createParser } from 'eventsource-parser';

type Kind = 'keep-alive' | 'preamble' | 'content' | 'finish' | 'end' | 'error';

/**
 * What an event of a stream means for whether its request may still be repeated: `keep-alive` says
 * only that the upstream lives; `preamble` announces an answer and holds nothing of it; with `content`
 * the answer has begun; with `finish` all of it is there, with `end` its usage too; `error` says that
 * there will be none, or no more.
 */
export type StreamEvent =
  | { kind: Exclude<Kind, 'error'> }
  /** `body` is the event's data: JSON that holds the error. */
  | { kind: 'error'; body: string };

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objects(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Whether a delta says anything: a role alone, and empty texts and lists, do not. */
function saysSomething(delta: unknown): boolean {
  if (!isObject(delta)) return false;
  return Object.entries(delta).some(
    ([name, value]) =>
      name !== 'role' &&
      value !== null &&
      value !== '' &&
      !(Array.isArray(value) && value.length === 0),
  );
}

/** Chat completions, and legacy completions, whose choices have a `text` instead of a `delta`. */
function chatEvent(data: Json): Kind {
  const choices = objects(data['choices']);
  const failed = ({ error, finish_reason }: Json) => isObject(error) || finish_reason === 'error';
  if ((data['error'] ?? null) !== null || choices.some(failed)) return 'error';
  if (choices.some(({ finish_reason }) => (finish_reason ?? null) !== null)) return 'finish';
  const begun = choices.some(
    ({ delta, text }) => saysSomething(delta) || (typeof text === 'string' && text !== ''),
  );
  return begun ? 'content' : 'preamble';
}

const RESPONSES_PREAMBLE: ReadonlySet<unknown> = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
  'response.output_item.added',
  'response.content_part.added',
  'response.reasoning_summary_part.added',
]);

function responsesEvent({ type }: Json): Kind {
  if (type === 'response.failed' || type === 'response.error' || type === 'error') return 'error';
  if (type === 'response.completed' || type === 'response.incomplete') return 'end';
  return RESPONSES_PREAMBLE.has(type) ? 'preamble' : 'content';
}

/** A block may come with its content at once: `redacted_thinking` does. */
function isEmptyBlock(block: unknown): boolean {
  if (!isObject(block)) return true;
  return [block['text'], block['thinking'], block['data']].every((part) => (part ?? '') === '');
}

/** Anthropic's messages. */
function messagesEvent(data: Json): Kind {
  switch (data['type']) {
    case 'ping':
      return 'keep-alive';
    case 'message_start':
      return 'preamble';
    case 'content_block_start':
      return isEmptyBlock(data['content_block']) ? 'preamble' : 'content';
    case 'message_delta':
      return 'finish';
    case 'message_stop':
      return 'end';
    case 'error':
      return 'error';
    default:
      return 'content';
  }
}

function kindOf(api: Api, data: Json): Kind {
  switch (api) {
    case 'responses':
      return responsesEvent(data);
    case 'messages':
      return messagesEvent(data);
    case 'chat':
    case 'completions':
    case 'embeddings':
    case 'other':
      return chatEvent(data);
  }
}

/** What the data of one event means. What cannot be understood counts as content: it is not ours to keep. */
function judge(api: Api, text: string): StreamEvent {
  if (text.trim() === '[DONE]') return { kind: 'end' };
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return { kind: 'content' };
  }
  if (!isObject(data)) return { kind: 'content' };
  const kind = kindOf(api, data);
  return kind === 'error' ? { kind, body: text } : { kind };
}

/**
 * The events that whole blocks of a stream hold, in order. A block of nothing but comments is a
 * `keep-alive` (HTML standard, "Server-sent events"; OpenRouter docs, "Streaming").
 */
export function streamEvents(api: Api, blocks: Buffer): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = createParser({
    onEvent: ({ data }) => events.push(judge(api, data)),
    onComment: () => events.push({ kind: 'keep-alive' }),
  });
  parser.feed(blocks.toString('utf8'));
  return events;
}
