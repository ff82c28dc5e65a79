import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Api } from '@openrouter-proxy/kms-protocol';
import { StreamTail } from './tail.ts';

const delta = 'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n';
const finish = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n';
const DONE = 'data: [DONE]\n\n';

function ending(api: Api, pieces: string[]) {
  const tail = new StreamTail();
  for (const piece of pieces) tail.push(Buffer.from(piece));
  return tail.ending(api);
}

it.each<[what: string, pieces: string[], kind: string]>([
  ['a reason to finish and the last event', [delta, finish, DONE], 'ended'],
  ['the last event alone', [delta, DONE], 'ended'],
  ['a reason to finish alone', [delta, finish], 'finished'],
  ['neither', [delta, delta], 'open'],
  ['nothing', [], 'open'],
  ['the last event without its blank line', [delta, 'data: [DONE]\n'], 'ended'],
])('a stream that ends with %s', (_what, pieces, kind) => {
  expect(ending('chat', pieces)).toBe(kind);
});

it('is read from the last events, however many came before', () => {
  const long = Array.from({ length: 10_000 }, () => delta);
  expect(ending('chat', [...long, finish])).toBe('finished');
  expect(ending('chat', [finish, ...long])).toBe('open');
});

it('is read behind a piece that is larger than what is kept', () => {
  expect(ending('responses', ['x'.repeat(300_000), '\n\n', DONE])).toBe('ended');
  expect(ending('responses', [`${'x'.repeat(300_000)}\n\n${DONE}`])).toBe('ended');
});

it('does not depend on how the stream is divided', () => {
  const text = `${delta.repeat(500)}${finish}`;
  const sizes = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 600 }), (pieces, after) => {
      const tail = new StreamTail();
      const bytes = Buffer.from(text + delta.repeat(after));
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = pieces[turn % pieces.length] ?? 1;
        tail.push(bytes.subarray(at, at + size));
        at += size;
      }
      const whole = new StreamTail();
      whole.push(bytes);
      expect(tail.ending('chat')).toBe(whole.ending('chat'));
    }),
    { numRuns: 50 },
  );
});
