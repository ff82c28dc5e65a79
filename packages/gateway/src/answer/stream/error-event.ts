import type { Api } from '@openrouter-proxy/kms-protocol';

/** What an error event names beside the error. */
export interface ErrorContext {
  requestId: string;
  model: string | null;
  /** Milliseconds since the epoch. */
  now: number;
}

type Json = Readonly<Record<string, unknown>>;

function event(name: string | undefined, data: object): Buffer {
  const head = name === undefined ? '' : `event: ${name}\n`;
  return Buffer.from(`${head}data: ${JSON.stringify(data)}\n\n`);
}

/**
 * An error as the last event of a stream, in the shape the API's clients know. `body` is the document
 * that would have been the error's answer before the stream began, in the same API's shape (OpenRouter
 * docs, "Errors and debugging"; Anthropic docs, "Streaming").
 */
export function errorEvent(api: Api, body: Json, context: ErrorContext): Buffer {
  const { requestId, model, now } = context;
  if (api === 'messages') return event('error', body);
  if (api === 'responses') return event(undefined, { type: 'error', ...body });
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
