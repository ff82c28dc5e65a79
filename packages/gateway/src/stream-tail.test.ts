import { expect, it } from 'vitest';
import type { Api } from '@openrouter-proxy/kms-protocol';
import { StreamTail } from './stream-tail.ts';

const delta = 'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n';
const finish = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n';
const failure = 'data: {"error":{"code":502,"message":"x"},"choices":[]}\n\n';
const DONE = 'data: [DONE]\n\n';

function ending(api: Api, pieces: string[]) {
  const tail = new StreamTail();
  for (const piece of pieces) tail.push(Buffer.from(piece));
  return tail.ending(api).kind;
}

it.each<[what: string, pieces: string[], kind: string]>([
  ['a reason to finish and the last word', [delta, finish, DONE], 'whole'],
  ['the last word alone', [delta, DONE], 'whole'],
  ['a reason to finish alone', [delta, finish], 'whole'],
  ['neither', [delta, delta], 'open'],
  ['nothing', [], 'open'],
  ['an error', [delta, failure], 'error'],
  ['an error and the last word', [delta, failure, DONE], 'error'],
  ['the last word without its blank line', [delta, 'data: [DONE]\n'], 'whole'],
])('a stream that ends with %s', (_what, pieces, kind) => {
  expect(ending('chat', pieces)).toBe(kind);
});

it('is read from the last events, however many came before', () => {
  const long = Array.from({ length: 10_000 }, () => delta);
  expect(ending('chat', [...long, finish])).toBe('whole');
  expect(ending('chat', [finish, ...long])).toBe('open');
});

it('does not keep a piece that is too large', () => {
  expect(ending('responses', ['x'.repeat(300_000), DONE])).toBe('whole');
});
