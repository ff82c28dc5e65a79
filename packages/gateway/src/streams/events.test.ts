import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Api } from '@openrouter-proxy/kms-protocol';
import { streamEvents } from './events.ts';

const json = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const named = (type: string, rest: object = {}) => `event: ${type}\n${json({ type, ...rest })}`;
const chat = (delta: object, rest: object = {}) =>
  json({
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: null, ...rest }],
  });

const EVENTS: [api: Api, what: string, bytes: string, kind: string][] = [
  ['chat', 'a role alone', chat({ role: 'assistant', content: '' }), 'preamble'],
  [
    'chat',
    'empty lists and nulls',
    chat({ role: 'assistant', content: null, tool_calls: [] }),
    'preamble',
  ],
  [
    'chat',
    'no choice at all',
    json({ choices: [], debug: { echo_upstream_body: {} } }),
    'preamble',
  ],
  ['chat', 'text', chat({ content: 'a' }), 'content'],
  ['chat', 'reasoning', chat({ content: '', reasoning: 'hm' }), 'content'],
  [
    'chat',
    'reasoning details',
    chat({ reasoning_details: [{ type: 'reasoning.text' }] }),
    'content',
  ],
  ['chat', 'a call of a tool', chat({ tool_calls: [{ index: 0 }] }), 'content'],
  ['chat', 'an end without text', chat({ content: '' }, { finish_reason: 'stop' }), 'finish'],
  [
    'chat',
    'the usage',
    json({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: {} }),
    'finish',
  ],
  ['chat', 'the last word', 'data: [DONE]\n\n', 'end'],
  [
    'chat',
    'an error at the top',
    json({ error: { code: 429, message: 'x' }, choices: [] }),
    'error',
  ],
  ['chat', 'an error that is a word', json({ error: 'x' }), 'error'],
  [
    'chat',
    'an error in a choice',
    chat({ content: '' }, { finish_reason: 'error', error: { code: 502 } }),
    'error',
  ],
  [
    'chat',
    'a choice that ends by error',
    chat({ content: '' }, { finish_reason: 'error' }),
    'error',
  ],
  ['chat', 'what is no JSON', 'data: {"choices":\n\n', 'content'],
  ['chat', 'JSON that is no object', 'data: 1\n\n', 'content'],
  [
    'completions',
    'an empty text',
    json({ choices: [{ text: '', finish_reason: null }] }),
    'preamble',
  ],
  ['completions', 'a text', json({ choices: [{ text: 'a', finish_reason: null }] }), 'content'],
  ['responses', 'its creation', json({ type: 'response.created', response: {} }), 'preamble'],
  ['responses', 'its progress', json({ type: 'response.in_progress', response: {} }), 'preamble'],
  ['responses', 'a new item', json({ type: 'response.output_item.added', item: {} }), 'preamble'],
  ['responses', 'a new part', json({ type: 'response.content_part.added', part: {} }), 'preamble'],
  ['responses', 'text', json({ type: 'response.output_text.delta', delta: 'a' }), 'content'],
  ['responses', 'its completion', json({ type: 'response.completed', response: {} }), 'end'],
  ['responses', 'an incomplete end', json({ type: 'response.incomplete', response: {} }), 'end'],
  ['responses', 'its failure', json({ type: 'response.failed', response: { error: {} } }), 'error'],
  ['responses', 'its error', json({ type: 'response.error', error: {} }), 'error'],
  ['responses', 'an error', json({ type: 'error', error: {} }), 'error'],
  ['messages', 'a ping', named('ping'), 'keep-alive'],
  ['messages', 'its start', named('message_start', { message: {} }), 'preamble'],
  [
    'messages',
    'an empty block',
    named('content_block_start', { content_block: { type: 'text', text: '' } }),
    'preamble',
  ],
  [
    'messages',
    'a block that comes with its content',
    named('content_block_start', { content_block: { type: 'redacted_thinking', data: 'x' } }),
    'content',
  ],
  ['messages', 'a delta', named('content_block_delta', { delta: {} }), 'content'],
  ['messages', 'its last delta', named('message_delta', { delta: {}, usage: {} }), 'finish'],
  ['messages', 'its stop', named('message_stop'), 'end'],
  ['messages', "OpenRouter's own last event", 'event: data\ndata: [DONE]\n\n', 'end'],
  ['messages', 'an error', named('error', { error: { type: 'overloaded_error' } }), 'error'],
];

describe('in a stream', () => {
  it.each(EVENTS)('of %s, %s', (api, _what, bytes, kind) => {
    expect(streamEvents(api, Buffer.from(bytes)).map((event) => event.kind)).toEqual([kind]);
  });

  it('an error keeps the words it came with', () => {
    const body = '{"error":{"code":429,"message":"x"}}';
    expect(streamEvents('chat', Buffer.from(`data: ${body}\n\n`))).toEqual([
      { kind: 'error', body },
    ]);
  });

  it('several events keep their order', () => {
    const blocks = Buffer.from(`: hi\n\n${chat({ role: 'assistant' })}${chat({ content: 'a' })}`);
    expect(streamEvents('chat', blocks).map(({ kind }) => kind)).toEqual(['preamble', 'content']);
  });

  it.each([': OPENROUTER PROCESSING\n\n', ': \n\n', 'retry: 10\n\n', '\n'])(
    '%j is no event',
    (block) => {
      expect(streamEvents('chat', Buffer.from(block))).toEqual([]);
    },
  );

  it.each(['data: [DONE]\r\r', 'data: [DONE]\r\n\r\n', 'data: [DO\ndata: NE]\n\n'])(
    'reads %j, with any kind of line end',
    (block) => {
      expect(streamEvents('chat', Buffer.from(block))).toHaveLength(1);
    },
  );

  it('an event with the name `error` is an error, whatever its data', () => {
    const block = Buffer.from('event: error\ndata: {"message":"x"}\n\n');
    expect(streamEvents('chat', block)).toEqual([{ kind: 'error', body: '{"message":"x"}' }]);
  });

  it('any bytes mean something', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => `data: ${JSON.stringify(value)}\n\n`),
      fc
        .jsonValue()
        .map((value) => `data: ${JSON.stringify({ choices: [value], error: null })}\n\n`),
    );
    const apis = fc.constantFrom<Api>('chat', 'completions', 'responses', 'messages');
    fc.assert(
      fc.property(apis, anything, (api, text) => void streamEvents(api, Buffer.from(text))),
    );
  });
});
