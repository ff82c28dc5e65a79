import { expect, it } from 'vitest';
import { madeObjects } from './made-objects.ts';
import { matchEndpoint } from './match-endpoint.ts';

function made(method: string, path: string, document: object | null, headers = {}) {
  const match = matchEndpoint(method, path);
  if (match.kind === 'ambiguous') throw new Error(match.problem);
  return madeObjects(match.endpoint, headers, document as Record<string, unknown> | null);
}

it('remembers a video and its generation', () => {
  const job = { id: 'v1', generation_id: 'gen-vid-1', polling_url: 'x' };
  expect(made('POST', '/videos', job, { 'x-generation-id': 'gen-vid-1' })).toEqual([
    { kind: 'video', id: 'v1' },
    { kind: 'generation', id: 'gen-vid-1' },
  ]);
});

it('remembers the files that a completed batch made', () => {
  const batch = { id: 'b1', output_file_id: 'file_o', error_file_id: null };
  expect(made('GET', '/batches/b1', batch)).toEqual([{ kind: 'file', id: 'file_o' }]);
});

it('remembers a generation by its header, else by the id of the answer', () => {
  const id = [{ kind: 'generation', id: 'gen-1' }];
  expect(made('POST', '/chat/completions', null, { 'x-generation-id': 'gen-1' })).toEqual(id);
  expect(made('POST', '/chat/completions', { id: 'gen-1' })).toEqual(id);
  expect(made('POST', '/chat/completions', { id: 'msg_1' })).toEqual([]);
});

it('remembers a file, and a promoted one', () => {
  const file = [{ kind: 'file', id: 'file_1' }];
  expect(made('POST', '/files', { id: 'file_1' })).toEqual(file);
  expect(made('POST', '/containers/c/files/f/promote', { id: 'file_1' })).toEqual(file);
});

it.each([{ id: 7 }, { id: 'a b' }, { id: '../keys' }, { id: 'x'.repeat(201) }, {}, null])(
  'remembers nothing for %j',
  (document) => {
    expect(made('POST', '/files', document)).toEqual([]);
  },
);

it('remembers nothing of reads', () => {
  expect(made('GET', '/files/file_1', { id: 'file_1' })).toEqual([]);
  expect(made('GET', '/generation', { data: {} })).toEqual([]);
});
