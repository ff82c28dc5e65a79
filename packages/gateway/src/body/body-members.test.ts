import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyMembers } from './body-members.ts';
import {
  DigestReader,
  OpeningReader,
  ScalarReader,
  ShortValueReader,
  WordReader,
} from './member-readers.ts';

const WANTED = ['model', 'stream', 'session_id'];
const scalarReaders = () => Object.fromEntries(WANTED.map((name) => [name, new ScalarReader()]));

function pushAll(members: BodyMembers, bytes: Buffer, chunkBytes = bytes.length): BodyMembers {
  const step = Math.max(1, chunkBytes);
  for (let at = 0; at < bytes.length; at += step) members.push(bytes.subarray(at, at + step));
  return members;
}

function read(bytes: Buffer, chunkBytes = bytes.length): Record<string, unknown> {
  const members = pushAll(new BodyMembers(scalarReaders()), bytes, chunkBytes);
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
    ['{"model":"first","model":{"id":"x"}}', {}],
    [`{"model":"first","model":"${'x'.repeat(2_000)}"}`, {}],
    ['{"model":"a"}{"model":"b"}', {}],
    ['{"model":"a"} x', {}],
    ['{"model":"a" "b"}', {}],
    ['{"text":"\\\\","model":"a"}', { model: 'a' }],
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

  it('are not looked for in a document that repeats them again and again', () => {
    for (const member of ['"model":"a",', '"x\\n":1,']) {
      const members = new BodyMembers(scalarReaders());
      members.push(Buffer.from(`{${member.repeat(10_000)}"model":"b"}`));
      expect(members.hopeless).toBe(true);
      expect(members.get('model')).toBeUndefined();
    }
  });

  it('are found before the body has ended', () => {
    const members = new BodyMembers(scalarReaders());
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
    const members = new BodyMembers(scalarReaders());
    members.push(Buffer.from(begin));
    expect(members.hopeless).toBe(hopeless);
  });
});

const NAMES = ['models', 'system', 'messages', 'tools', 'model'] as const;
const readers = () => ({
  models: new ShortValueReader(),
  system: new DigestReader(),
  messages: new OpeningReader(),
  tools: new WordReader('"openrouter:'),
  model: new ScalarReader(),
});
const values = (members: BodyMembers) => NAMES.map((name) => members.get(name));

/** A turn of a conversation, or something in the place of one. */
const turn = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.record({ role: fc.constantFrom('user', 'system', 'assistant', 5), content: fc.jsonValue() }),
  fc.record({ content: fc.jsonValue({ maxDepth: 2 }), role: fc.constantFrom('user', 'tool') }),
);
const requestBody = fc.dictionary(
  fc.constantFrom(...NAMES, 'other'),
  fc.oneof(fc.jsonValue(), fc.array(turn, { maxLength: 5 })),
);

const isObject = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The opening of a conversation, as `JSON.parse` shows it. */
function openingOf(said: unknown): unknown {
  if (!Array.isArray(said)) return said;
  const turns = said as unknown[];
  const isUsers = (value: unknown) =>
    typeof value === 'object' && value !== null && 'role' in value && value.role === 'user';
  const first = turns.findIndex(isUsers);
  return turns.slice(0, first === -1 ? 1 : first + 1);
}

describe('what is read of a request', () => {
  it('does not depend on the cuts of the bytes, nor on white space around values', () => {
    fc.assert(
      fc.property(requestBody, fc.integer({ min: 1, max: 30 }), (document, chunkBytes) => {
        const plain = Buffer.from(JSON.stringify(document));
        const whole = pushAll(new BodyMembers(readers()), plain);
        const cut = pushAll(new BodyMembers(readers()), plain, chunkBytes);
        expect(values(cut)).toEqual(values(whole));
        expect([whole.isWhole, cut.isWhole]).toEqual([true, true]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the list, the presence and the opening that JSON.parse shows', () => {
    fc.assert(
      fc.property(requestBody, requestBody, fc.nat(3), (one, other, indent) => {
        const textOf = (value: unknown) => JSON.stringify(value, undefined, indent);
        const [first, second] = [one, other].map((document) =>
          pushAll(new BodyMembers(readers()), Buffer.from(textOf(document))),
        );
        const shown = JSON.parse(textOf(one)) as Record<string, unknown>; // -0 is written as 0
        expect(first?.get('models')).toEqual(shown['models']);
        expect(first?.get('tools') === true).toBe(
          textOf({ tools: one['tools'] }).includes('"openrouter:'),
        );
        for (const name of ['messages', 'system'] as const) {
          // An object in the place of the turns is no conversation.
          if (name === 'messages' && [one, other].some((body) => isObject(body[name]))) continue;
          const part = name === 'messages' ? openingOf : (value: unknown) => value;
          const isSame = textOf(part(one[name])) === textOf(part(other[name]));
          expect(first?.get(name) === second?.get(name)).toBe(isSame);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the last of members that stand twice', () => {
    fc.assert(
      fc.property(fc.array(requestBody, { maxLength: 4 }), (documents) => {
        const inner = documents.map((document) => JSON.stringify(document).slice(1, -1));
        const text = `{${inner.filter((members) => members !== '').join(',')}}`;
        const last = JSON.parse(text) as Record<string, unknown>;
        const twice = pushAll(new BodyMembers(readers()), Buffer.from(text));
        const once = pushAll(new BodyMembers(readers()), Buffer.from(JSON.stringify(last)));
        expect(values(twice)).toEqual(values(once));
      }),
    );
  });

  it('keeps the opening while the conversation grows', () => {
    const opening = [
      { role: 'system', content: 'a' },
      { content: 'b', role: 'user' },
    ];
    const grown = [...opening, { role: 'assistant', content: 'c' }, { role: 'user', content: 'd' }];
    const [before, after] = [opening, grown].map((messages) =>
      pushAll(
        new BodyMembers(readers()),
        Buffer.from(JSON.stringify({ messages }, undefined, 2)),
      ).get('messages'),
    );
    expect(before).toBe(after);
  });
});
