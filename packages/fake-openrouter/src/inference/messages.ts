import type { Completion } from '../models/completion.ts';
import { namedEvent, type ApiAnswer, type StreamEvent } from './sse.ts';

function usage(completion: Completion) {
  return {
    input_tokens: completion.promptTokens,
    output_tokens: completion.completionTokens,
    output_tokens_details: { thinking_tokens: completion.reasoningTokens },
    cache_creation_input_tokens: null,
    cache_read_input_tokens: 0,
    cache_creation: null,
    server_tool_use: null,
    service_tier: null,
    speed: 'standard',
    cost: completion.cost,
    is_byok: false,
    cost_details: { upstream_inference_cost: null },
  };
}

function content({ pieces, reasoning, toolCall }: Completion) {
  const input = toolCall === null ? {} : (JSON.parse(toolCall.arguments) as object);
  return [
    ...(reasoning === null ? [] : [{ type: 'thinking', thinking: reasoning, signature: '' }]),
    toolCall === null
      ? { type: 'text', text: pieces.join(''), citations: null }
      : { type: 'tool_use', id: toolCall.id, name: toolCall.name, input },
  ];
}

function block(index: number, start: object, deltas: object[]): StreamEvent[] {
  return [
    namedEvent('content_block_start', { type: 'content_block_start', index, content_block: start }),
    ...deltas.map((delta) =>
      namedEvent('content_block_delta', { type: 'content_block_delta', index, delta }, true),
    ),
    namedEvent('content_block_stop', { type: 'content_block_stop', index }),
  ];
}

function blocks({ pieces, reasoning, toolCall }: Completion): StreamEvent[] {
  const thinking =
    reasoning === null
      ? []
      : block(0, { type: 'thinking', thinking: '', signature: '' }, [
          { type: 'thinking_delta', thinking: reasoning },
        ]);
  const index = reasoning === null ? 0 : 1;
  if (toolCall === null) {
    const deltas = pieces.map((text) => ({ type: 'text_delta', text }));
    return [...thinking, ...block(index, { type: 'text', text: '' }, deltas)];
  }
  const start = { type: 'tool_use', id: toolCall.id, name: toolCall.name, input: {} };
  const deltas = [{ type: 'input_json_delta', partial_json: toolCall.arguments }];
  return [...thinking, ...block(index, start, deltas)];
}

/** How `POST /messages` answers: Anthropic's events, then OpenRouter's `[DONE]`. */
export function messagesAnswer(completion: Completion): ApiAnswer {
  const { id, model, provider, toolCall } = completion;
  const head = { id, type: 'message', role: 'assistant', model, provider };
  const stop_reason = toolCall === null ? 'end_turn' : 'tool_use';
  const nothingYet = { ...usage(completion), input_tokens: 0, output_tokens: 0, cost: undefined };
  const start = { ...head, content: [], stop_reason: null, stop_sequence: null, usage: nothingYet };
  return {
    json: {
      ...head,
      content: content(completion),
      stop_reason,
      stop_sequence: null,
      usage: usage(completion),
    },
    events: [
      namedEvent('message_start', { type: 'message_start', message: start }),
      namedEvent('ping', { type: 'ping' }),
      ...blocks(completion),
      namedEvent('message_delta', {
        type: 'message_delta',
        delta: { stop_reason, stop_sequence: null },
        usage: usage(completion),
      }),
      namedEvent('message_stop', { type: 'message_stop' }),
      namedEvent('data', '[DONE]'),
    ],
    keepAlive: namedEvent('ping', { type: 'ping' }),
    streamError: (_code, message) =>
      namedEvent('error', {
        type: 'error',
        error: { type: 'overloaded_error', message, error_type: 'provider_overloaded' },
      }),
    largeEvent: (bytes) => {
      const delta = { type: 'text_delta', text: 'A'.repeat(bytes) };
      const data = { type: 'content_block_delta', index: 0, delta };
      return namedEvent('content_block_delta', data, true);
    },
  };
}
