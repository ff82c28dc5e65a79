import type { Api } from '@openrouter-proxy/kms-protocol';

/** A server-sent event with JSON data. */
export const event = (data: object, name?: string) =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;

const RESPONSE = {
  ...{ id: 'resp_1', object: 'response', created_at: 1, model: 'a/b', status: 'in_progress' },
  ...{ output: [], parallel_tool_calls: true, tools: [], tool_choice: 'auto', error: null },
  ...{ incomplete_details: null, instructions: null, metadata: {}, temperature: 1, top_p: 1 },
  ...{ frequency_penalty: null, presence_penalty: null, completed_at: null },
};
const PLACE = { output_index: 0, item_id: 'msg_1' };
const ITEM = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  status: 'in_progress',
  content: [],
};

/** The APIs that stream events. */
export type StreamedApi = 'chat' | 'completions' | 'messages' | 'responses';

export const isStreamed = (api: Api | null): api is StreamedApi =>
  api !== null && api in BEGINNINGS;

/** The first events of a stream with "Hello", in each API. */
export const BEGINNINGS: Readonly<Record<StreamedApi, string>> = {
  chat: event({
    ...{ id: 'gen-1', object: 'chat.completion.chunk', created: 1, model: 'a/b' },
    choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello' }, finish_reason: null }],
  }),
  completions: event({
    ...{ id: 'gen-1', object: 'text_completion', created: 1, model: 'a/b' },
    choices: [{ index: 0, text: 'Hello', logprobs: null, finish_reason: null }],
  }),
  messages: [
    {
      type: 'message_start',
      message: {
        ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'a/b', content: [] },
        ...{ stop_reason: null, stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } },
      },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
  ]
    .map((data) => event(data, data.type))
    .join(''),
  responses: [
    { type: 'response.created', sequence_number: 0, response: RESPONSE },
    { type: 'response.output_item.added', sequence_number: 1, output_index: 0, item: ITEM },
    {
      ...{ type: 'response.content_part.added', sequence_number: 2, content_index: 0, ...PLACE },
      part: { type: 'output_text', text: '', annotations: [] },
    },
    {
      ...{ type: 'response.output_text.delta', sequence_number: 3, content_index: 0, ...PLACE },
      ...{ delta: 'Hello', logprobs: [] },
    },
  ]
    .map((data) => event(data))
    .join(''),
};

const CHUNK = { id: 'gen-1', created: 1, model: 'a/b' };
const MESSAGE = { ...ITEM, status: 'completed' };
const TEXT = { type: 'output_text', text: 'Hello', annotations: [], logprobs: [] };
const USAGE_OF_RESPONSE = {
  ...{ input_tokens: 1, output_tokens: 1, total_tokens: 2 },
  input_tokens_details: { cached_tokens: 0 },
  output_tokens_details: { reasoning_tokens: 0 },
};
const DONE = 'data: [DONE]\n\n';

/** The last events of the same streams. */
export const ENDS: Readonly<Record<StreamedApi, string>> = {
  chat:
    event({
      ...{ ...CHUNK, object: 'chat.completion.chunk' },
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    }) + DONE,
  completions:
    event({
      ...{ ...CHUNK, object: 'text_completion' },
      choices: [{ index: 0, text: '', logprobs: null, finish_reason: 'stop' }],
    }) + DONE,
  messages: [
    { type: 'content_block_stop', index: 0 },
    {
      ...{ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null } },
      usage: { input_tokens: 1, output_tokens: 1 },
    },
    { type: 'message_stop' },
  ]
    .map((data) => event(data, data.type))
    .join(''),
  responses:
    [
      {
        ...{ type: 'response.output_text.done', sequence_number: 4, content_index: 0, ...PLACE },
        ...{ text: 'Hello', logprobs: [] },
      },
      {
        ...{ type: 'response.content_part.done', sequence_number: 5, content_index: 0, ...PLACE },
        part: TEXT,
      },
      {
        ...{ type: 'response.output_item.done', sequence_number: 6, output_index: 0 },
        item: { ...MESSAGE, content: [TEXT] },
      },
      {
        ...{ type: 'response.completed', sequence_number: 7 },
        response: {
          ...{ ...RESPONSE, status: 'completed', completed_at: 2 },
          ...{ output: [{ ...MESSAGE, content: [TEXT] }], usage: USAGE_OF_RESPONSE },
        },
      },
    ]
      .map((data) => event(data))
      .join('') + DONE,
};
