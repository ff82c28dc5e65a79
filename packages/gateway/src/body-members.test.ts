import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyMembers, type Scalar } from './body-members.ts';

const WANTED = ['model', 'stream', 'session_id'];

function read(bytes: Buffer, chunkBytes = bytes.length): Record<string, Scalar | undefined> {
  const members = new BodyMembers(WANTED);
  for (let at = 0; at < bytes.length; at += Math.max(1, chunkBytes)) {
    members.push(bytes.subarray(at, at + Math.max(1, chunkBytes)));
  }
  return Object.fromEntries(WANTED.map((name) => [name, members.get(name)]));
}

const scalarsOf = (document: Record<string, unknown>) =>
  Object.fromEntries(
    WANTED.map((name) => {
      const value = Object.hasOwn(document, name) ? document[name] : undefined;
      const isScalar = value === null || typeof value !== 'object';
      return [name, isScalar ? value : undefined];
    }),
  );

describe('the members of a body', () => {
  it.each([
    ['{"model":"a/b","stream":true}', { model: 'a/b', stream: true }],
    ['{"messages":[{"model":"inner"}],"model":"outer"}', { model: 'outer' }],
    ['{"metadata":{"model":"inner"}}', {}],
    ['{"text":"\\",\\"model\\":\\"in a string","model":"outer"}', { model: 'outer' }],
    ['{"mod\\u0065l":"a\\u002fb"}', { model: 'a/b' }],
    ['{"model":"first","model":"last"}', { model: 'last' }],
    ['{"model":{"id":"x"},"stream":null}', { stream: null }],
    ['[{"model":"in a list"}]', {}],
    ['"model"', {}],
    ['{"model":', {}],
    ['}}}{"model":"x"}', {}],
    [' {\n\t"stream" : false ,\r\n "model" : "a" } ', { stream: false, model: 'a' }],
  ])('%s', (body, expected) => {
    expect(read(Buffer.from(body))).toEqual({
      model: undefined,
      stream: undefined,
      session_id: undefined,
      ...expected,
    });
  });

  it('are what JSON.parse finds, however the bytes are cut', () => {
    const document = fc.dictionary(
      fc.oneof(fc.constantFrom(...WANTED), fc.string()),
      fc.oneof(fc.jsonValue(), fc.string({ unit: 'grapheme', maxLength: 20 })),
    );
    fc.assert(
      fc.property(document, fc.integer({ min: 1, max: 40 }), fc.nat(4), (value, chunk, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        expect(read(Buffer.from(text), chunk)).toEqual(scalarsOf(parsed));
      }),
      { numRuns: 2_000 },
    );
  });

  it('come from any bytes without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void read(Buffer.from(bytes), 7)),
    );
  });

  it('are not kept beyond a bound', () => {
    const long = 'x'.repeat(10_000);
    const body = Buffer.from(JSON.stringify({ [long]: 1, model: long, stream: true }));
    expect(read(body, 100)).toEqual({ model: undefined, stream: true, session_id: undefined });
  });

  it('are found before the body has ended', () => {
    const members = new BodyMembers(['model', 'stream']);
    members.push(Buffer.from('{"model":"a","messages":['));
    expect(members.get('model')).toBe('a');
  });

  it.each([
    ['', false],
    [' \n', false],
    [' {', false],
    ['[{', true],
    ['x', true],
    ['"', true],
  ])('cannot come any more: %j', (begin, hopeless) => {
    const members = new BodyMembers(WANTED);
    members.push(Buffer.from(begin));
    expect(members.hopeless).toBe(hopeless);
  });
});
