import { parseJson, type Usage } from '@openrouter-proxy/kms-protocol';

type Json = Readonly<Record<string, unknown>>;

const MEMBER = Buffer.from('"usage"');
/** The most bytes of a usage object. */
const MAX_OBJECT = 4_096;
/** The number of `usage` members that are tried, from the last one on. */
const MAX_TRIES = 32;

/** More tokens or credits than any request can use. A larger number is damaged, and would overflow sums. */
const MAX_AMOUNT = 1e12;

const SPACE = 0x20;
const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function part(parent: Json, name: string): Json {
  const value = parent[name];
  return isObject(value) ? value : {};
}

/** The first of these that is a number of tokens, as a whole number. */
function count(...values: readonly unknown[]): number {
  const found = values.find((value) => typeof value === 'number' && value >= 0);
  return Math.floor(amount(found));
}

/** A finite number from 0 to 10^12; 0 for any other value. */
function amount(value: unknown): number {
  return typeof value === 'number' && value >= 0 ? Math.min(value, MAX_AMOUNT) : 0;
}

/**
 * Reads an API's usage object (OpenRouter docs, "Usage accounting"): chat, completions and embeddings
 * have `prompt_tokens`, responses and messages `input_tokens`, rerank `total_tokens`, videos a cost only.
 * Null: it is no usage.
 */
function usageOf(value: Json): Usage | null {
  const received = value['completion_tokens'] ?? value['output_tokens'];
  const sent = value['prompt_tokens'] ?? value['input_tokens'] ?? totalWithout(received, value);
  const cost = value['cost'];
  if ([sent, received, cost].every((figure) => typeof figure !== 'number')) return null;
  const ofPrompt = part(value, 'prompt_tokens_details');
  const ofInput = part(value, 'input_tokens_details');
  const ofCompletion = part(value, 'completion_tokens_details');
  const ofOutput = part(value, 'output_tokens_details');
  return {
    sent: count(sent),
    received: count(received),
    cached: count(
      ofPrompt['cached_tokens'],
      ofInput['cached_tokens'],
      value['cache_read_input_tokens'],
    ),
    reasoning: count(
      ofCompletion['reasoning_tokens'],
      ofOutput['reasoning_tokens'],
      ofOutput['thinking_tokens'],
    ),
    cost: amount(cost),
  };
}

/** Where nothing is received as tokens, the total is what was sent. */
const totalWithout = (received: unknown, value: Json) =>
  received === undefined ? value['total_tokens'] : undefined;

/** The usage in a parsed member `usage`; null: it is none. */
export function usageIn(value: unknown): Usage | null {
  return isObject(value) ? usageOf(value) : null;
}

/** Merges the usage at the beginning and at the end of a stream of messages. A figure in both counts once. */
export function mergedUsage(first: Usage | null, last: Usage | null): Usage | null {
  if (first === null || last === null) return first ?? last;
  return {
    sent: Math.max(first.sent, last.sent),
    received: Math.max(first.received, last.received),
    cached: Math.max(first.cached, last.cached),
    reasoning: Math.max(first.reasoning, last.reasoning),
    cost: Math.max(first.cost, last.cost),
  };
}

/** The offset of the object that follows a member's name; -1 if another value follows. */
function objectAfter(bytes: Buffer, from: number): number {
  let at = from;
  let isValue = false;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === COLON && !isValue) isValue = true;
    else if (byte === OPEN && isValue) return at;
    else if (byte === undefined || byte > SPACE) return -1;
  }
  return -1;
}

/** The offset after the last brace of the object at `from`; -1 if it is too long. */
function objectEnd(bytes: Buffer, from: number): number {
  let depth = 0;
  let isText = false;
  const last = Math.min(bytes.length, from + MAX_OBJECT);
  for (let at = from; at < last; at += 1) {
    const byte = bytes[at];
    if (isText && byte === BACKSLASH) at += 1;
    else if (byte === QUOTE) isText = !isText;
    else if (isText) continue;
    else if (byte === OPEN) depth += 1;
    else if (byte === CLOSE && (depth -= 1) === 0) return at + 1;
  }
  return -1;
}

/**
 * The last usage object in a document, or in the end of a stream. It is found by its
 * name, so that the rest of the answer is not parsed. Within a string the quotation marks of such a
 * name would be escaped.
 */
export function lastUsage(bytes: Buffer): Usage | null {
  let before = bytes.length;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const name = before <= 0 ? -1 : bytes.lastIndexOf(MEMBER, before - 1);
    if (name === -1) return null;
    const usage = usageAt(bytes, name);
    if (usage !== null) return usage;
    before = name;
  }
  return null;
}

function usageAt(bytes: Buffer, name: number): Usage | null {
  const start = objectAfter(bytes, name + MEMBER.length);
  const end = start === -1 ? -1 : objectEnd(bytes, start);
  if (end === -1) return null;
  const value = parseJson(bytes.toString('utf8', start, end));
  return isObject(value) ? usageOf(value) : null;
}
