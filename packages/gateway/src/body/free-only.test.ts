import { expect, it } from 'vitest';
import { freeOnlyRefusal } from './free-only.ts';
import { matchEndpoint } from '../endpoints/match-endpoint.ts';

const FREE = { model: 'deepseek/deepseek-r1:free' };

function refusal(method: string, path: string, body: Record<string, unknown> | null) {
  const match = matchEndpoint(method, path);
  if (match.kind === 'ambiguous') throw new Error(match.problem);
  return freeOnlyRefusal(match.endpoint, method, body && ((name) => body[name]));
}

it.each([
  ['POST', '/chat/completions', FREE],
  ['POST', '/messages', FREE],
  ['POST', '/images', FREE],
  ['POST', '/videos', FREE],
  ['GET', '/videos/v', null],
  ['DELETE', '/batches/b', null],
  ['POST', '/files', null],
  ['GET', '/brand/new', null],
  ['POST', '/messages/count_tokens', null],
] as const)('allows %s %s', (method, path, body) => {
  expect(refusal(method, path, body)).toBeNull();
});

it.each([
  ['POST', '/embeddings', { model: 'openai/text' }, 'the model openai/text is not free'],
  ['POST', '/responses', { ...FREE, preset: 'mine' }, 'the preset mine may choose a paid model'],
  ['POST', '/videos', {}, 'the model unknown is not free'],
  [
    'POST',
    '/audio/transcriptions',
    null,
    'a body that is no JSON names no model that can be checked',
  ],
  ['POST', '/batches', FREE, 'a batch may use paid models'],
  ['PUT', '/chat/completions', FREE, 'nobody knows what this endpoint costs'],
  ['POST', '/brand/new', FREE, 'nobody knows what this endpoint costs'],
] as const)('refuses %s %s', (method, path, body, reason) => {
  expect(refusal(method, path, body)).toBe(reason);
});
