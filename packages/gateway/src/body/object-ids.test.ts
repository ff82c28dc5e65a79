import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyMembers } from './body-members.ts';
import { BothReaders } from './both-readers.ts';
import { OpeningReader } from './member-readers.ts';
import { NestedTextReader } from './nested-text-reader.ts';
import { objectIdReaders, objectsInBody } from './object-ids.ts';

function read(body: string, pieceBytes = Infinity) {
  const members = new BodyMembers(objectIdReaders());
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    members.push(bytes.subarray(at, Math.min(bytes.length, at + pieceBytes)));
  }
  return objectsInBody((name) => members.get(name));
}
const ids = (body: unknown, pieceBytes?: number) => {
  const found = read(typeof body === 'string' ? body : JSON.stringify(body), pieceBytes);
  return found.kind === 'named' ? found.ids : 'unclear';
};

describe('objectsInBody', () => {
  it.each([
    [
      'a file part of chat',
      { messages: [{ content: [{ type: 'file', file: { file_id: 'f1' } }] }] },
    ],
    ['a file part of responses', { input: [{ content: [{ type: 'input_file', file_id: 'f1' }] }] }],
    [
      'a document of messages',
      { messages: [{ content: [{ source: { type: 'file', file_id: 'f1' } }] }] },
    ],
    ['a code interpreter', { tools: [{ container: { type: 'auto', file_ids: ['f1'] } }] }],
    ['a container of a tool', { tools: [{ type: 'code_interpreter', container: 'f1' }] }],
    ['a container of the request', { container: 'f1' }],
    ['a batch', { input_file_id: 'f1', endpoint: '/v1/chat/completions' }],
    ['an image by its file', { input: [{ type: 'input_image', file_id: 'f1', image_url: null }] }],
  ])('finds the id in %s, in pieces of any size', (_what, body) => {
    for (const size of [1, 2, 3, 7, 64, Infinity]) expect(ids(body, size)).toEqual(['f1']);
  });

  it('reads names and ids with escapes: they name the same file', () => {
    const body = String.raw`{"messages":[{"content":[{"file":{"file\u005fid":"f\u0031"}}]}]}`;
    for (const size of [1, 5, Infinity]) expect(ids(body, size)).toEqual(['f1']);
  });

  it('takes nothing from words that only look like it', () => {
    const text = 'say "file_id": "f2" and {"file_id":"f3"}';
    const content = [{ type: 'text', text }, 'file_id', { name: 'file_id', value: 'f4' }];
    expect(
      ids({ messages: [{ role: 'user', content }], file: 'f5', user: { file_id: 'f6' } }),
    ).toEqual([]);
  });

  it('takes texts of a list directly, and not those of objects within it', () => {
    expect(ids({ tools: [{ file_ids: ['f1', { x: 'no' }, ['f2'], 7, null, 'f3'] }] })).toEqual([
      ...['f1', 'f2', 'f3'],
    ]);
  });

  it('is unclear about more ids than it takes, and about nesting without end', () => {
    const many = Array.from({ length: 65 }, (_, n) => `f${n}`);
    expect(ids({ tools: [{ file_ids: many }] })).toBe('unclear');
    expect(ids(`{"messages":${'['.repeat(2_000)}`)).toBe('unclear');
  });

  it('does not keep a long text', () => {
    const url = `data:image/png;base64,${'A'.repeat(3_000_000)}`;
    const content = [{ image_url: { url } }, { file: { file_id: 'f1' } }];
    expect(ids({ messages: [{ role: 'user', content }] }, 65_536)).toEqual(['f1']);
  });

  it('finds what JSON.parse finds', () => {
    const name = fc.constantFrom('file_id', 'file_ids', 'text', 'file', '\u0000"\\');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.integer(),
        fc.constant(null),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('value'), { maxLength: 3 }),
      object: fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    }));
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 40 }), (messages, size) => {
        expect(new Set(ids({ messages }, size))).toEqual(new Set(idsIn(messages, 'messages')));
      }),
    );
  });
});

/** The same by parsing. */
function idsIn(value: unknown, name: string): string[] {
  if (typeof value === 'string') return name.startsWith('file_id') ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item: unknown) => idsIn(item, name));
  return Object.entries(value ?? {}).flatMap(([key, member]: [string, unknown]) =>
    idsIn(member, key),
  );
}

it('reads a member for two purposes at once', () => {
  const messages = new BothReaders(
    new OpeningReader(),
    new NestedTextReader('messages', ['file_id'], 8),
  );
  const members = new BodyMembers({ messages });
  const turns = [
    { role: 'user', content: [{ file_id: 'f1' }] },
    { role: 'user', content: [{ file_id: 'f2' }] },
  ];
  members.push(Buffer.from(JSON.stringify({ messages: turns })));
  const alone = new BodyMembers({ messages: new OpeningReader() });
  alone.push(Buffer.from(JSON.stringify({ messages: turns })));
  expect(members.get('messages')).toEqual([alone.get('messages'), ['f1', 'f2']]);
});
