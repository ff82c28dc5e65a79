import { parseJson, type Api } from '@openrouter-proxy/kms-protocol';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { reportsError } from '../outcome/error-member.ts';

type Kind = 'keep-alive' | 'preamble' | 'content' | 'finish' | 'end' | 'error';

/**
 * The meaning of an event for repeats. `keep-alive`: the
 * upstream is alive. `preamble`: it announces an answer, and has no content. `content`: the answer has
 * begun. `finish`: all of it is there; `end`: its usage too. `error`: there is no answer, or no more.
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

/** Whether a delta has content: a role alone, and empty texts and lists, are none. */
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

/** Whether an error stands at the top, or in place of a choice. */
function hasError(data: Json): boolean {
  const failed = ({ error, finish_reason }: Json) =>
    reportsError(error) || finish_reason === 'error';
  return reportsError(data['error']) || objects(data['choices']).some(failed);
}

/** Chat completions, and legacy completions, whose choices have a `text` instead of a `delta`. */
function chatEvent(data: Json): Kind {
  const choices = objects(data['choices']);
  if (hasError(data)) return 'error';
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

/** Some blocks start with their content: `redacted_thinking` does. */
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

const isDone = (data: string) => data.trim() === '[DONE]';

/** The meaning of one event. Unknown data counts as content: it must not be lost. */
function judge(api: Api, { event, data }: EventSourceMessage): StreamEvent {
  if (isDone(data)) return { kind: 'end' };
  const json = parseJson(data);
  if (event === 'error') return { kind: 'error', body: data };
  if (!isObject(json)) return { kind: 'content' };
  const kind = kindOf(api, json);
  return kind === 'error' ? { kind, body: data } : { kind };
}

/** The parser waits for the byte after a CR: it may be the LF of a CRLF. */
function decode(blocks: Buffer): string {
  const text = blocks.toString('utf8');
  return text.endsWith('\r') ? `${text}\n` : text;
}

function messagesIn(blocks: Buffer): EventSourceMessage[] {
  const messages: EventSourceMessage[] = [];
  createParser({ onEvent: (message) => messages.push(message) }).feed(decode(blocks));
  return messages;
}

/**
 * The events in whole blocks of a stream, in order. Comments are no events (HTML standard,
 * "Server-sent events"; OpenRouter docs, "Streaming").
 */
export function streamEvents(api: Api, blocks: Buffer): StreamEvent[] {
  return messagesIn(blocks).map((message) => judge(api, message));
}

/** Whether an event lacks its end: its data is no whole JSON. `block` ends with a blank line. */
export function isCutShort(block: Buffer): boolean {
  const messages = messagesIn(block);
  return !messages.some(({ data }) => isDone(data) || parseJson(data) !== undefined);
}

/** Whether a block is nothing but the `[DONE]` event. */
export function isDoneEvent(block: Buffer): boolean {
  const messages = messagesIn(block);
  return messages.length > 0 && messages.every(({ data }) => isDone(data));
}

const TYPE = /"type"\s*:\s*"([\w.]+)"/;
const EVENT_NAME = /^event: ?([\w.]+)\r?$/m;

/**
 * The meaning of an event that is too large to be parsed, by its beginning: the APIs whose events have a
 * type name it there. Chunks of chat completions are that large only if they have content.
 */
export function largeEventKind(api: Api, beginning: Buffer): StreamEvent['kind'] {
  const text = beginning.toString('latin1');
  const type = EVENT_NAME.exec(text)?.[1] ?? TYPE.exec(text)?.[1];
  if (type === 'error') return 'error';
  return type !== undefined && (api === 'responses' || api === 'messages')
    ? kindOf(api, { type })
    : 'content';
}
