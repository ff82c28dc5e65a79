import { expect, it } from 'vitest';
import { boundObject } from './bound-object.ts';
import { matchEndpoint } from './match-endpoint.ts';

function bound(method: string, path: string, query = '') {
  const match = matchEndpoint(method, path);
  if (match.kind === 'ambiguous') throw new Error(match.problem);
  return boundObject(match, new URLSearchParams(query), () => undefined);
}

it('takes the id of a path', () => {
  const video = { kind: 'object', object: 'video', id: 'v1', access: 'read' };
  expect(bound('GET', '/videos/v1/content')).toEqual(video);
  expect(bound('HEAD', '/cursor/Videos/v%31/')).toEqual(video);
  expect(bound('DELETE', '/files/f1')).toEqual({
    ...video,
    object: 'file',
    id: 'f1',
    access: 'write',
  });
  expect(bound('PUT', '/files/f1/anything')).toMatchObject({
    object: 'file',
    id: 'f1',
    access: 'write',
  });
  expect(bound('GET', '/presets/mine/versions/2')).toMatchObject({ object: 'preset', id: 'mine' });
});

it('takes the one id of a query', () => {
  const generation = { kind: 'object', object: 'generation', id: 'gen-1', access: 'read' };
  expect(bound('GET', '/generation', 'id=gen-1')).toEqual(generation);
  expect(bound('GET', '/generation/content', 'x=1&id=gen-1')).toEqual(generation);
});

it.each([
  '',
  'id=',
  'id=a&id=b',
  'id=a&ID=b',
  'id=a&id[]=b',
  'id=a&id[0]=b',
  'id=a/b',
  'id=a%00',
  'id=..',
])('finds no generation in the query %s', (query) => {
  expect(bound('GET', '/generation', query)).toEqual({ kind: 'missing', object: 'generation' });
});

it('is about no object where the table binds none', () => {
  expect(bound('POST', '/chat/completions')).toEqual({ kind: 'none' });
  expect(bound('GET', '/files')).toEqual({ kind: 'none' });
});
