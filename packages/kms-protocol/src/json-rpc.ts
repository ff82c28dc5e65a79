import { KmsError, type JsonRpcError } from './kms-error.ts';
import type { Line } from './line-framing.ts';

/** How deep a message may nest objects and arrays. */
export const MAX_DEPTH = 16;

/** How many messages a batch may hold. */
export const MAX_BATCH = 100;

const MAX_ID_LENGTH = 256;

/** What a reply is told apart by; the sender chooses it. */
export type Id = string | number | null;

/** Asks for an answer. */
export interface Request {
  kind: 'request';
  id: Id;
  method: string;
  params: unknown;
}

/** Wants no answer, not even when it fails. */
export interface Notification {
  kind: 'notification';
  method: string;
  params: unknown;
}

/** Answers a request. */
export type Response =
  { kind: 'result'; id: Id; result: unknown } | { kind: 'error'; id: Id; error: JsonRpcError };

/** Something that is none of these; `id` is null where none could be made out. */
export interface Invalid {
  kind: 'invalid';
  id: Id;
  error: KmsError;
}

/** One message. */
export type Message = Request | Notification | Response | Invalid;

/** What a line may hold: a message, or a batch of one to `MAX_BATCH`. */
export type Incoming = Message | { kind: 'batch'; messages: Message[] };

/** Reads one line (JSON-RPC 2.0 specification, sections 4 to 6). Never throws. */
export function parseLine(line: Line): Incoming {
  if (line === undefined) return invalid('PARSE_ERROR', 'The line is not UTF-8.');
  if (nestsDeeperThan(MAX_DEPTH, line)) {
    return invalid('INVALID_REQUEST', `A message may nest ${MAX_DEPTH} levels deep, no more.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // The parser's own words quote what it read.
    return invalid('PARSE_ERROR', 'The line is not JSON: send one JSON message on each line.');
  }
  return Array.isArray(value) ? readBatch(value) : readMessage(value);
}

function readBatch(values: unknown[]): Incoming {
  if (values.length === 0) return invalid('INVALID_REQUEST', 'A batch holds at least one message.');
  if (values.length > MAX_BATCH) {
    return invalid('INVALID_REQUEST', `A batch holds at most ${MAX_BATCH} messages.`);
  }
  return { kind: 'batch', messages: values.map(readMessage) };
}

function readMessage(value: unknown): Message {
  if (!isObject(value)) return invalid('INVALID_REQUEST', 'A message is a JSON object.');
  const id = value['id'];
  if (id !== undefined && !isId(id)) {
    return invalid('INVALID_REQUEST', '`id` is a short string, a safe number, or null.');
  }
  if (value['jsonrpc'] !== '2.0') {
    return invalid('INVALID_REQUEST', '`jsonrpc` must be "2.0".', id);
  }
  return 'method' in value ? readCall(value, id) : readResponse(value, id);
}

function readCall(value: Record<string, unknown>, id: Id | undefined): Message {
  const { method, params } = value;
  if (typeof method !== 'string') {
    return invalid('INVALID_REQUEST', '`method` must be a string.', id);
  }
  if (params !== undefined && (typeof params !== 'object' || params === null)) {
    return invalid('INVALID_REQUEST', '`params` must be an object or an array.', id);
  }
  return id === undefined
    ? { kind: 'notification', method, params }
    : { kind: 'request', id, method, params };
}

function readResponse(value: Record<string, unknown>, id: Id | undefined): Message {
  const { result, error } = value;
  if (id !== undefined && result !== undefined && error === undefined) {
    return { kind: 'result', id, result };
  }
  if (id !== undefined && result === undefined && isErrorObject(error)) {
    return { kind: 'error', id, error };
  }
  return invalid(
    'INVALID_REQUEST',
    'A message has a `method`, or an `id` and one of `result` and `error`.',
    id,
  );
}

function invalid(code: 'PARSE_ERROR' | 'INVALID_REQUEST', message: string, id: Id = null): Invalid {
  return { kind: 'invalid', id, error: new KmsError(code, message) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Only what can be sent back exactly as it came: numbers beyond 2^53 change on the way. */
function isId(value: unknown): value is Id {
  if (typeof value === 'string') return value.length <= MAX_ID_LENGTH;
  return (
    value === null || (typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER)
  );
}

function isErrorObject(value: unknown): value is JsonRpcError {
  return isObject(value) && Number.isInteger(value['code']) && typeof value['message'] === 'string';
}

/** Reads the nesting off the text itself, so that a hostile line is refused before anything is built of it. */
function nestsDeeperThan(limit: number, text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '"':
        at = endOfString(text, at);
        break;
      case '{':
      case '[':
        depth += 1;
        if (depth > limit) return true;
        break;
      case '}':
      case ']':
        depth -= 1;
        break;
      default:
    }
  }
  return false;
}

/** The index of the quote that ends the string begun at `start`; the text's length if none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}
