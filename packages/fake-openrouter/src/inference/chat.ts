import type { Completion } from '../models/completion.ts';
import { comment, dataEvent, type ApiAnswer, type StreamEvent } from './sse.ts';

/** The `usage` of chat completions, completions and embeddings. */
export function chatUsage(completion: Completion) {
  const { promptTokens, completionTokens, reasoningTokens, cost } = completion;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    cost,
    is_byok: false,
    prompt_tokens_details: {
      cached_tokens: 0,
      cache_write_tokens: 0,
      audio_tokens: 0,
      video_tokens: 0,
    },
    cost_details: {
      upstream_inference_cost: null,
      upstream_inference_prompt_cost: 0,
      upstream_inference_completions_cost: 0,
    },
    completion_tokens_details: {
      reasoning_tokens: reasoningTokens,
      image_tokens: 0,
      audio_tokens: 0,
    },
  };
}

function toolCalls({ toolCall }: Completion) {
  if (toolCall === null) return undefined;
  const { id, name, arguments: args } = toolCall;
  return [{ index: 0, id, type: 'function', function: { name, arguments: args } }];
}

const finishReason = ({ toolCall }: Completion) => (toolCall === null ? 'stop' : 'tool_calls');

function wholeAnswer(completion: Completion): object {
  const { id, created, model, provider, pieces, reasoning } = completion;
  const calls = toolCalls(completion);
  const reason = finishReason(completion);
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    provider,
    system_fingerprint: null,
    service_tier: null,
    choices: [
      {
        index: 0,
        logprobs: null,
        finish_reason: reason,
        native_finish_reason: reason,
        message: {
          role: 'assistant',
          content: calls === undefined ? pieces.join('') : null,
          refusal: null,
          reasoning,
          ...(calls === undefined ? {} : { tool_calls: calls }),
        },
      },
    ],
    usage: chatUsage(completion),
  };
}

/** The chunks as recorded: the role in every delta, the finish twice, the usage with the second. */
function stream(completion: Completion): StreamEvent[] {
  const { id, created, model, provider, pieces, reasoning } = completion;
  const head = { id, object: 'chat.completion.chunk', created, model, provider };
  const chunk = (delta: object, finish: string | null = null, rest: object = {}) => ({
    ...head,
    choices: [
      {
        index: 0,
        delta: { role: 'assistant', content: '', ...delta },
        finish_reason: finish,
        native_finish_reason: finish,
        logprobs: null,
      },
    ],
    ...rest,
  });
  const calls = toolCalls(completion);
  const reason = finishReason(completion);
  return [
    ...(reasoning === null
      ? []
      : [
          dataEvent(
            chunk({
              reasoning,
              reasoning_details: [
                { type: 'reasoning.text', text: reasoning, format: null, index: 0 },
              ],
            }),
            true,
          ),
        ]),
    ...pieces.map((content) => dataEvent(chunk({ content }), true)),
    ...(calls === undefined ? [] : [dataEvent(chunk({ content: null, tool_calls: calls }), true)]),
    dataEvent(chunk({}, reason)),
    dataEvent(chunk({}, reason, { usage: chatUsage(completion) })),
    dataEvent('[DONE]'),
  ];
}

/** How `POST /chat/completions` answers. */
export function chatAnswer(completion: Completion): ApiAnswer {
  const { id, created, model, provider } = completion;
  return {
    json: wholeAnswer(completion),
    events: stream(completion),
    keepAlive: comment('OPENROUTER PROCESSING'),
    streamError: (code, message) =>
      dataEvent({
        id,
        object: 'chat.completion.chunk',
        created,
        model,
        provider,
        error: { code, message, metadata: { error_type: 'provider_unavailable' } },
        choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
      }),
    largeEvent: (bytes) => {
      const images = [{ type: 'image_url', image_url: { url: 'A'.repeat(bytes) } }];
      const choices = [{ index: 0, delta: { content: '', images }, finish_reason: null }];
      return dataEvent({ id, object: 'chat.completion.chunk', created, model, choices }, true);
    },
  };
}

/** How the legacy `POST /completions` answers. */
export function textCompletionAnswer(completion: Completion): ApiAnswer {
  const { id, created, model, provider, pieces } = completion;
  const head = { id, object: 'text_completion', created, model, provider };
  const choice = (text: string, finish: string | null) => [
    { index: 0, text, logprobs: null, finish_reason: finish, native_finish_reason: finish },
  ];
  const usage = chatUsage(completion);
  return {
    json: { ...head, choices: choice(pieces.join(''), 'stop'), usage },
    events: [
      ...pieces.map((text) => dataEvent({ ...head, choices: choice(text, null) }, true)),
      dataEvent({ ...head, choices: choice('', 'stop') }),
      dataEvent({ ...head, choices: choice('', 'stop'), usage }),
      dataEvent('[DONE]'),
    ],
    keepAlive: comment('OPENROUTER PROCESSING'),
    streamError: (code, message) => dataEvent({ ...head, error: { code, message }, choices: [] }),
    largeEvent: (bytes) => dataEvent({ ...head, choices: choice('A'.repeat(bytes), null) }, true),
  };
}
