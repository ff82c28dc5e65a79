import type { Completion } from '../models/completion.ts';
import { dataEvent, type ApiAnswer, type StreamEvent } from './sse.ts';

function usage({ promptTokens, completionTokens, reasoningTokens, cost }: Completion) {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
    cost,
    is_byok: false,
    cost_details: {
      upstream_inference_cost: null,
      upstream_inference_input_cost: 0,
      upstream_inference_output_cost: 0,
    },
  };
}

function outputItem({ id, pieces, toolCall }: Completion, done: boolean) {
  const status = done ? 'completed' : 'in_progress';
  if (toolCall !== null) {
    const args = done ? toolCall.arguments : '';
    return {
      type: 'function_call',
      id: `fc_tmp_${id}`,
      call_id: toolCall.id,
      name: toolCall.name,
      arguments: args,
      status,
    };
  }
  const text = { type: 'output_text', text: pieces.join(''), annotations: [], logprobs: [] };
  const content = done ? [text] : [];
  return { type: 'message', id: `msg_tmp_${id}`, role: 'assistant', status, content };
}

function response(completion: Completion, done: boolean) {
  return {
    id: completion.id,
    object: 'response',
    created_at: completion.created,
    completed_at: done ? completion.created : null,
    model: completion.model,
    status: done ? 'completed' : 'in_progress',
    output: done ? [outputItem(completion, true)] : [],
    output_text: done ? completion.pieces.join('') : '',
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: null,
    parallel_tool_calls: true,
    previous_response_id: null,
    store: false,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    frequency_penalty: 0,
    presence_penalty: 0,
    max_output_tokens: null,
    usage: done ? usage(completion) : null,
  };
}

type Numbered = (type: string, data: object, isContent?: boolean) => StreamEvent;

function textEvents(completion: Completion, event: Numbered): StreamEvent[] {
  const at = { item_id: `msg_tmp_${completion.id}`, output_index: 0, content_index: 0 };
  const text = completion.pieces.join('');
  const part = (value: string) => ({ type: 'output_text', text: value, annotations: [] });
  return [
    event('response.content_part.added', { ...at, part: part('') }),
    ...completion.pieces.map((delta) =>
      event('response.output_text.delta', { ...at, delta, logprobs: [] }, true),
    ),
    event('response.output_text.done', { ...at, text, logprobs: [] }),
    event('response.content_part.done', { ...at, part: part(text) }),
  ];
}

function toolEvents(completion: Completion, event: Numbered): StreamEvent[] {
  const at = { item_id: `fc_tmp_${completion.id}`, output_index: 0 };
  const args = completion.toolCall?.arguments ?? '';
  return [
    event('response.function_call_arguments.delta', { ...at, delta: args }, true),
    event('response.function_call_arguments.done', {
      ...at,
      arguments: args,
      name: completion.toolCall?.name,
    }),
  ];
}

/** How `POST /responses` answers: the recorded order of events, each numbered. */
export function responsesAnswer(completion: Completion): ApiAnswer {
  let sequence = 0;
  const event: Numbered = (type, data, isContent) =>
    dataEvent({ type, sequence_number: sequence++, ...data }, isContent);
  const events = [
    event('response.created', { response: response(completion, false) }),
    event('response.in_progress', { response: response(completion, false) }),
    event('response.output_item.added', { output_index: 0, item: outputItem(completion, false) }),
    ...(completion.toolCall === null ? textEvents : toolEvents)(completion, event),
    event('response.output_item.done', { output_index: 0, item: outputItem(completion, true) }),
    event('response.completed', { response: response(completion, true) }),
    dataEvent('[DONE]'),
  ];
  return {
    json: response(completion, true),
    events,
    keepAlive: { text: ': \n\n', isContent: false },
    streamError: (code, message) =>
      dataEvent({
        type: 'response.failed',
        sequence_number: sequence++,
        response: {
          ...response(completion, false),
          status: 'failed',
          error: { code: String(code), message },
          error_type: 'provider_unavailable',
        },
      }),
    largeEvent: (bytes) => {
      const type = 'response.image_generation_call.partial_image';
      return event(type, { output_index: 0, partial_image_b64: 'A'.repeat(bytes) }, true);
    },
  };
}
