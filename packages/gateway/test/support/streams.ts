import { rawRequest } from './gateway.ts';
import { chunk, chunkedHead } from './recording-upstream.ts';

/** An event with this data. */
export const json = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const named = (type: string, rest: object = {}) => `event: ${type}\n${json({ type, ...rest })}`;
const delta = (content: string) => json({ choices: [{ index: 0, delta: { content } }] });

/** A stream of each API: what comes before its content, its content, its end, and an error. */
export const STREAMS = {
  chat: {
    path: '/api/v1/chat/completions',
    comment: ': OPENROUTER PROCESSING\n\n',
    preamble: json({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] }),
    content: delta('Hello'),
    end: json({ choices: [{ delta: {}, finish_reason: 'stop' }] }) + 'data: [DONE]\n\n',
    error: json({ error: { code: 502, message: 'Provider disconnected' }, choices: [] }),
    broken: /data: \{.*"choices":\[\{.*"finish_reason":"error".*"error":\{.*\}\n\n$/,
  },
  completions: {
    path: '/api/v1/completions',
    comment: ': OPENROUTER PROCESSING\n\n',
    preamble: json({ choices: [{ index: 0, text: '' }] }),
    content: json({ choices: [{ index: 0, text: 'Hello' }] }),
    end: json({ choices: [{ text: '', finish_reason: 'stop' }] }) + 'data: [DONE]\n\n',
    error: json({ error: { code: 'server_error', message: 'Provider disconnected' } }),
    broken: /data: \{.*"finish_reason":"error".*"error":\{.*\}\n\n$/,
  },
  responses: {
    path: '/v1/responses',
    comment: ': \n\n',
    preamble: json({ type: 'response.created' }) + json({ type: 'response.in_progress' }),
    content: json({ type: 'response.output_text.delta', delta: 'Hello' }),
    end: json({ type: 'response.completed', response: {} }) + 'data: [DONE]\n\n',
    error: json({ type: 'response.failed', response: { error: { code: 'server_error' } } }),
    broken: /data: \{"type":"error","sequence_number":\d+,"code":".*"error":\{.*\}\n\n$/,
  },
  messages: {
    path: '/api/v1/messages?beta=true',
    comment: 'event: ping\ndata: {"type":"ping"}\n\n',
    preamble: named('message_start', { message: {} }),
    content: named('content_block_delta', { delta: { type: 'text_delta', text: 'Hello' } }),
    end: named('message_delta', { delta: {} }) + named('message_stop'),
    error: named('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
    broken: /event: error\ndata: \{"type":"error","error":\{.*\}\n\n$/,
  },
} as const;

/** An event with content of so many bytes: images come so, as base64 in one line. */
export function largeEvent({ path }: Pick<ApiStream, 'path'>, bytes: number): string {
  const image = 'A'.repeat(bytes);
  switch (path) {
    case STREAMS.chat.path:
      return json({ choices: [{ index: 0, delta: { images: [{ image_url: { url: image } }] } }] });
    case STREAMS.completions.path:
      return json({ choices: [{ index: 0, text: image }] });
    case STREAMS.responses.path:
      return json({ type: 'response.image_generation_call.partial_image', partial_image: image });
    case STREAMS.messages.path:
      return named('content_block_delta', { delta: { type: 'text_delta', text: image } });
  }
}

/** One of them. */
export type ApiStream = (typeof STREAMS)[keyof typeof STREAMS];

/** A request for one. */
export function streamRequest({ path }: Pick<ApiStream, 'path'>): string {
  const body = '{"model":"m","stream":true}';
  return rawRequest('POST', path, [`Content-Length: ${body.length}`], body);
}

/** A response that is such a stream, and ends in order. */
export const wholeStream = (text: string) => chunkedHead() + chunk(text) + '0\r\n\r\n';
