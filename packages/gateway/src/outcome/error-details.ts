import { parseJson } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';
import { reportsError } from './error-member.ts';
import { QUOTA_EXCEEDED } from '../errors/gateway-error.ts';

/** What an error body of OpenRouter says, whichever of its shapes it has. */
export interface ErrorDetails {
  /** False for HTML and everything else that is not a JSON object. */
  isJson: boolean;
  /** The error's own code: a status, or a word for one. */
  code: string | undefined;
  /** The kind of error, in Anthropic's or in OpenRouter's terms. */
  type: string | undefined;
  /** The words of a known error field only, free of keys and account ids; at most 300 characters. */
  message: string;
  limitSource: string | undefined;
  reason: string | undefined;
  providerName: string | undefined;
  /** The provider's own words. */
  raw: string | undefined;
  availability: string | undefined;
  /** The step of OpenRouter's routing that left no endpoint. */
  failedRoutingStep: string | undefined;
  retryAfterSeconds: string | undefined;
  resetsAt: string | undefined;
  /** Header fields repeated in the body, names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
}

/** Members of an unexpected type are left out: they do not make the rest unreadable. */
const text = z.string().optional().catch(undefined);
const textOrNumber = z
  .union([z.string(), z.number()])
  .transform(String)
  .optional()
  .catch(undefined);
const scalars = z.record(z.string(), z.union([z.string(), z.number()]).transform(String).catch(''));

const metadata = z
  .looseObject({
    limit_source: text,
    reason: text,
    provider_name: text,
    raw: text,
    retry_after_seconds: textOrNumber,
    resets_at: text,
    headers: scalars.optional().catch(undefined),
    error_type: text,
    failed_routing_step: text,
  })
  .optional()
  .catch(undefined);

type Metadata = NonNullable<z.output<typeof metadata>>;

const errorMembers = z.looseObject({
  message: text,
  code: textOrNumber,
  type: text,
  error_type: text,
  metadata,
  availability: z
    .looseObject({ code: text, retry_after: textOrNumber })
    .optional()
    .catch(undefined),
});

/** Some providers send the message in place of the error object. */
const errorObject = errorMembers.or(
  z.string().transform((message): z.output<typeof errorMembers> => ({ message })),
);

const withError = z.looseObject({ error: errorObject });

/**
 * Finds the error: at the top, in the one choice that failed, or in the response that failed. An
 * event of type `error` is one itself (OpenAI's reference, "Streaming events" of responses).
 * `/messages` puts the metadata beside the error, the other APIs inside it.
 */
const envelope = z.union([
  z.looseObject({ error: errorObject, metadata }),
  z
    .looseObject({ choices: z.array(withError.or(z.unknown())) })
    .transform(({ choices }) => choices.find((choice) => withError.safeParse(choice).success))
    .pipe(withError),
  z.looseObject({ response: withError }).transform(({ response }) => response),
  errorMembers
    .extend({ type: z.literal('error'), message: z.string() })
    .transform((error) => ({ error })),
]);

const KEY_OR_HASH = /sk-or-[\w-]+|\b[0-9a-f]{64}\b/g;
const ACCOUNT = /\b(user|org)_(?=\w*\d)\w{6,}/g;

/** Removes keys, key hashes and account ids from a text of OpenRouter's. */
export function withoutIdentities(words: string): string {
  return words.replaceAll(KEY_OR_HASH, '***').replaceAll(ACCOUNT, '$1_***');
}

function lowerCased(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

type ErrorObject = Partial<z.output<typeof errorMembers>>;

/**
 * The error of a document, and its metadata. A document without a known error field gives no text: it
 * may be an answer, which must not reach logs and state.
 */
function findError(json: unknown): { error: ErrorObject; about: Metadata } {
  const { data } = envelope.safeParse(json);
  if (data === undefined) return { error: {}, about: {} };
  const beside = 'metadata' in data ? metadata.parse(data.metadata) : undefined;
  return { error: data.error, about: data.error.metadata ?? beside ?? {} };
}

/** Reads an error body. Never throws. */
export function errorDetails(body: string): ErrorDetails {
  const json = parseJson(body);
  const { error, about } = findError(json);
  const { message = '', availability = {} } = error;
  return {
    isJson: typeof json === 'object' && json !== null,
    code: error.code,
    type: about.error_type ?? error.error_type ?? error.type,
    message: withoutIdentities(message.slice(0, 1000)).trim().slice(0, 300),
    limitSource: about.limit_source,
    reason: about.reason,
    providerName: about.provider_name,
    raw: about.raw,
    availability: availability.code,
    failedRoutingStep: about.failed_routing_step,
    retryAfterSeconds: about.retry_after_seconds ?? availability.retry_after,
    resetsAt: about.resets_at,
    headers: lowerCased(about.headers ?? {}),
  };
}

/**
 * An error body as the client may see it: OpenRouter's own words, without the account's id and
 * without anything that names a key. Untouched when there is nothing to remove.
 */
export function errorBodyForClient(body: Buffer): Buffer {
  const words = body.toString('utf8');
  const json = parseJson(words);
  if (typeof json === 'object' && json !== null && 'user_id' in json) {
    const rest = Object.entries(json).filter(([name]) => name !== 'user_id');
    return Buffer.from(withoutIdentities(JSON.stringify(Object.fromEntries(rest))));
  }
  const clean = withoutIdentities(words);
  return clean === words ? body : Buffer.from(clean);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error member of an event's data, at any of its places. */
function errorMember(json: Readonly<Record<string, unknown>>): unknown {
  const { error, choices, response } = json;
  const failed: unknown = Array.isArray(choices)
    ? choices.find((choice) => isObject(choice) && reportsError(choice['error']))
    : undefined;
  return [
    error,
    isObject(failed) ? failed['error'] : undefined,
    isObject(response) ? response['error'] : undefined,
  ].find(reportsError);
}

/** The error document with the data of an error event, for a client that has received no event yet. */
export function errorDocument(data: string, anthropicShape: boolean): string {
  const json = parseJson(data);
  if (!isObject(json)) return JSON.stringify({ error: { message: data.slice(0, 300) } });
  if (anthropicShape && json['type'] === 'error') return data;
  return JSON.stringify({ error: errorMember(json) ?? json });
}

const ENDS_SENTENCE = /[.!?]$/;

/** A message and a sentence after it. */
function joined(message: string, sentence: string): string {
  const isOpen = message !== '' && !ENDS_SENTENCE.test(message);
  return `${message}${isOpen ? '.' : ''} ${sentence}`.trim();
}

/** Adds the end of a long limit to an error document: in its message, its type, and its metadata. */
export function withRetryTime(body: Buffer, retryAfterMs: number, sentence: string): Buffer {
  const json = parseJson(body.toString('utf8'));
  if (!isObject(json) || !isObject(json['error'])) return body;
  const { message, metadata } = json['error'];
  const error = {
    type: QUOTA_EXCEEDED,
    ...json['error'],
    message: joined(typeof message === 'string' ? message.trim() : '', sentence),
    metadata: { ...(isObject(metadata) ? metadata : {}), retry_after_ms: retryAfterMs },
  };
  return Buffer.from(JSON.stringify({ ...json, error }));
}
