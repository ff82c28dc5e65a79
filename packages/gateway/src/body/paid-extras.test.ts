import { describe, expect, it } from 'vitest';
import { BodyMembers } from './body-members.ts';
import { paidPart, paidPartReaders } from './paid-extras.ts';

const FREE = 'deepseek/deepseek-r1:free';

function paid(body: object | string, pieceBytes = 7) {
  const members = new BodyMembers(paidPartReaders());
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  for (let at = 0; at < bytes.length; at += pieceBytes)
    members.push(bytes.subarray(at, at + pieceBytes));
  return paidPart((name) => members.get(name));
}

describe('paidPart', () => {
  it.each([
    ['a free model', { model: FREE, messages: [] }],
    ['the free router', { model: 'openrouter/free' }],
    ['free models in turn', { model: FREE, models: [FREE, 'x-ai/grok:free'] }],
    [
      'tools of the client',
      {
        model: FREE,
        tools: [
          { type: 'function', function: { name: 'a' } },
          { name: 'b', input_schema: { type: 'object' } },
        ],
      },
    ],
    [
      'an editor of the client',
      { model: FREE, tools: [{ type: 'text_editor_20250728', name: 'x' }] },
    ],
    [
      'a free plugin, and a disabled one',
      { model: FREE, plugins: [{ id: 'response-healing' }, { id: 'web', enabled: false }] },
    ],
    [
      'empty lists and nulls',
      { model: FREE, plugins: [], tools: null, models: null, preset: null, fallbacks: [] },
    ],
  ])('allows %s', (_what, body) => {
    expect(paid(body)).toBeNull();
  });

  it.each([
    ['openai/gpt-4o', 'model', { model: 'openai/gpt-4o' }],
    ['unknown', 'model', { messages: [] }],
    ['openai/gpt-4o', 'model', { model: FREE, models: [FREE, 'openai/gpt-4o'] }],
    ['openai/gpt-4o', 'model', { model: FREE, fallbacks: ['openai/gpt-4o'] }],
    ['unknown', 'model', { model: FREE, fallbacks: [{ model: 'openai/gpt-4o' }] }],
    ['x/y:online:free', 'model', { model: 'x/y:online:free' }],
    ['@preset/mine:free', 'preset', { model: '@preset/mine:free' }],
    ['openai/gpt-4o@preset/paid:free', 'preset', { model: 'openai/gpt-4o@preset/paid:free' }],
    ['mine', 'preset', { model: FREE, preset: 'mine' }],
    ['web', 'plugin', { model: FREE, plugins: [{ id: 'web' }] }],
    [
      'file-parser',
      'plugin',
      { model: FREE, plugins: [{ id: 'file-parser', pdf: { engine: 'mistral-ocr' } }] },
    ],
    ['fusion', 'plugin', { model: FREE, plugins: [{ id: 'response-healing' }, { id: 'fusion' }] }],
    ['unknown', 'plugin', { model: FREE, plugins: { id: 'web' } }],
    ['plugins', 'member', { model: FREE, plugins: 'web' }],
    ['unknown', 'plugin', { model: FREE, plugins: ['web'] }],
    ['web_search_options', 'member', { model: FREE, web_search_options: {} }],
    ['openrouter:web_search', 'tool', { model: FREE, tools: [{ type: 'openrouter:web_search' }] }],
    ['image_generation', 'tool', { model: FREE, tools: [{ type: 'image_generation' }] }],
    ['advisor', 'tool', { model: FREE, tools: [{ type: 'advisor' }] }],
    [
      'web_search_20250305',
      'tool',
      { model: FREE, tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    ],
    [
      'code_interpreter',
      'tool',
      { model: FREE, tools: [{ type: 'function' }, { type: 'code_interpreter' }] },
    ],
  ])('refuses %s as a %s', (name, what, body) => {
    for (const size of [1, 9, 1_000]) expect(paid(body, size)).toEqual({ name, what });
  });

  it('reads escaped names, and the last of a member that stands twice', () => {
    expect(paid(String.raw`{"model":"${FREE}","plu\u0067ins":[{"i\u0064":"w\u0065b"}]}`)).toEqual({
      ...{ name: 'web', what: 'plugin' },
    });
    expect(paid(`{"model":"openai/gpt-4o","model":"${FREE}"}`)).toBeNull();
    expect(paid(`{"tools":[],"model":"${FREE}","tools":[{"type":"advisor"}]}`)).toMatchObject({
      name: 'advisor',
    });
  });

  it('looks through tools of any size', () => {
    const schema = { type: 'object', description: 'x'.repeat(200_000) };
    const tools = [{ type: 'function', function: { parameters: schema } }, { type: 'advisor' }];
    expect(paid({ model: FREE, tools }, 65_536)).toMatchObject({ name: 'advisor' });
    const many = Array.from({ length: 1_001 }, () => ({ type: 'function' }));
    expect(paid({ model: FREE, tools: many }, 65_536)).toEqual({ name: 'tools', what: 'member' });
  });
});
