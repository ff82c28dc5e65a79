import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lastUsage, mergedUsage } from './usage.ts';

const read = (text: string) => lastUsage(Buffer.from(text));

describe('the usage of', () => {
  test.each([
    [
      'chat',
      '{"id":"gen-1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17,"cost":0.95,"is_byok":false,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":0},"cost_details":{"upstream_inference_cost":null},"completion_tokens_details":{"reasoning_tokens":3}}}',
      { sent: 10, received: 7, cached: 4, reasoning: 3, cost: 0.95 },
    ],
    [
      'embeddings, which are not received as tokens',
      '{"object":"list","data":[],"usage":{"prompt_tokens":8,"total_tokens":8,"cost":0.0000001}}',
      { sent: 8, received: 0, cached: 0, reasoning: 0, cost: 1e-7 },
    ],
    [
      'responses',
      '{"type":"response.completed","response":{"id":"gen-1","usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":2},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":11,"cost":0.5}}}',
      { sent: 5, received: 6, cached: 2, reasoning: 1, cost: 0.5 },
    ],
    [
      'messages',
      '{"type":"message_delta","usage":{"input_tokens":574,"output_tokens":306,"output_tokens_details":{"thinking_tokens":191},"cache_creation_input_tokens":null,"cache_read_input_tokens":128,"cost":0.000126}}',
      { sent: 574, received: 306, cached: 128, reasoning: 191, cost: 0.000126 },
    ],
    [
      'a stream: the last that is one',
      'data: {"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\ndata: {"usage" : { "prompt_tokens": 2, "completion_tokens": 3 } }\n\ndata: {"usage":null}\n\ndata: [DONE]\n\n',
      { sent: 2, received: 3, cached: 0, reasoning: 0, cost: 0 },
    ],
  ])('%s', (_what, text, expected) => {
    expect(read(text)).toEqual(expected);
  });
});

test('a model that writes of usage is not believed', () => {
  const said = JSON.stringify('look: {"usage":{"prompt_tokens":999,"completion_tokens":999}}');
  expect(read(`{"choices":[{"message":{"content":${said}}}]}`)).toBeNull();
});

test.each([
  '',
  '{}',
  '"usage"',
  '{"usage":',
  '{"usage":{',
  '{"usage":{}}',
  '{"usage":[1]}',
  '{"usage":{"prompt_tokens":"7"}}',
])('there is none in %j', (text) => {
  expect(read(text)).toBeNull();
});

test('whatever the bytes, it is found or not, and nothing is thrown', () => {
  const around = fc.oneof(fc.string(), fc.json(), fc.constant('"usage":{'), fc.constant('\\"'));
  fc.assert(
    fc.property(around, around, fc.nat(), (before, after, sent) => {
      const usage = JSON.stringify({ prompt_tokens: sent, completion_tokens: 1 });
      expect(read(before + after)).toSatisfy(
        (value) => value === null || typeof value === 'object',
      );
      expect(read(`${before}{"usage":${usage}}`)).toMatchObject({ sent, received: 1 });
    }),
  );
});

test('what a stream says first and last is one usage', () => {
  const first = { sent: 25, received: 1, cached: 3, reasoning: 0, cost: 0 };
  const last = { sent: 0, received: 15, cached: 0, reasoning: 2, cost: 0.1 };
  expect(mergedUsage(first, last)).toEqual({
    sent: 25,
    received: 15,
    cached: 3,
    reasoning: 2,
    cost: 0.1,
  });
  expect(mergedUsage(null, last)).toEqual(last);
  expect(mergedUsage(first, null)).toEqual(first);
});
