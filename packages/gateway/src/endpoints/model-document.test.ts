import { expect, it } from 'vitest';
import { matchEndpoint } from './match-endpoint.ts';
import { modelDocument, modelIdOf, modelsById } from './model-document.ts';

const LIST = { data: [{ id: 'openai/gpt-4o', created: 5, name: 'GPT-4o' }, { id: 7 }, null] };

it.each(['/models/openai%2Fgpt-4o', '/models/openai/gpt-4o', '/models/openai/gpt-4o/'])(
  'describes the model of %s in the shape of OpenAI',
  (path) => {
    const match = matchEndpoint('GET', path);
    if (match.kind === 'ambiguous') throw new Error(match.problem);
    expect(modelDocument(modelsById(LIST), modelIdOf(match.parameters))).toEqual({
      ...{ id: 'openai/gpt-4o', object: 'model', created: 5, owned_by: 'openai', name: 'GPT-4o' },
    });
  },
);

it('knows no model that is not in the list, and none of a list that is no list', () => {
  expect(modelDocument(modelsById(LIST), 'openai/gpt-5')).toBeNull();
  expect(modelDocument(modelsById(LIST), '__proto__')).toBeNull();
  expect(modelsById('no list').size).toBe(0);
});
