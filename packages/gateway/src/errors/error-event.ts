import type { Api } from '@openrouter-proxy/kms-protocol';

/** The context of an error event. */
export interface ErrorContext {
  requestId: string;
  model: string | null;
  /** Number of the event in its stream. */
  sequenceNumber: number;
  /** Milliseconds since the epoch. */
  now: number;
}

type Json = Readonly<Record<string, unknown>>;

function event(name: string | undefined, data: object): Buffer {
  const head = name === undefined ? '' : `event: ${name}\n`;
  return Buffer.from(`${head}data: ${JSON.stringify(data)}\n\n`);
}

/** The codes that clients of OpenAI's responses know; another status is the server's error. */
const RESPONSES_CODES: Readonly<Record<number, string>> = {
  400: 'invalid_prompt',
  429: 'rate_limit_exceeded',
};

/** OpenAI's clients read the members at the top, others the object (OpenAI docs, "Responses streaming"). */
function responsesError({ error }: Json, { sequenceNumber }: ErrorContext): object {
  const { code: status, message, metadata } = isObject(error) ? error : {};
  const code = RESPONSES_CODES[Number(status)] ?? 'server_error';
  const said = { code, message: typeof message === 'string' ? message : '', param: null };
  const own = { type: code, ...said, ...(metadata === undefined ? {} : { metadata }) };
  return { type: 'error', sequence_number: sequenceNumber, ...said, error: own };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

/**
 * An error as the last event of a stream, in the shape the API's clients know. `body` is the document
 * that would be the error's answer if the stream had not begun, in the same API's shape (OpenRouter
 * docs, "Errors and debugging"; Anthropic docs, "Streaming").
 */
export function errorEvent(api: Api, body: Json, context: ErrorContext): Buffer {
  const { requestId, model, now } = context;
  if (api === 'messages') return event('error', body);
  if (api === 'responses') return event(undefined, responsesError(body, context));
  return event(undefined, {
    id: requestId,
    object: api === 'chat' ? 'chat.completion.chunk' : 'text_completion',
    created: Math.floor(now / 1000),
    model: model ?? '',
    choices: [
      api === 'chat'
        ? { index: 0, delta: { role: 'assistant', content: '' }, finish_reason: 'error' }
        : { index: 0, text: '', finish_reason: 'error' },
    ],
    ...body,
  });
}
