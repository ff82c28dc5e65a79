import { describe, expect, test } from 'vitest';
import { answer, type Call } from './answer.ts';
import { parseLine } from './json-rpc.ts';
import { KmsError } from './kms-error.ts';
import { MAX_LINE_BYTES } from './line-framing.ts';

/** The server of the specification's examples. */
const call: Call = ({ method, params }) => {
  // The examples send what their methods expect.
  const list = params as number[];
  const named = params as { minuend: number; subtrahend: number };
  switch (method) {
    case 'subtract':
      return Array.isArray(params)
        ? list.reduce((difference, value) => difference - value)
        : named.minuend - named.subtrahend;
    case 'sum':
      return list.reduce((sum, value) => sum + value, 0);
    case 'get_data':
      return ['hello', 5];
    case 'update':
    case 'notify_hello':
    case 'notify_sum':
      return null;
    default:
      throw new KmsError('METHOD_NOT_FOUND', 'Method not found');
  }
};

const METHOD_NOT_FOUND = -32601;
const INVALID_REQUEST = -32600;
const PARSE_ERROR = -32700;
const result = (id: unknown, value: unknown) => ({ jsonrpc: '2.0', result: value, id });
const error = (id: unknown, code: number) => ({
  jsonrpc: '2.0',
  // The words of a message are the server's own (section 5.1).
  error: { code, message: expect.any(String) as string },
  id,
});
const invalid = error(null, INVALID_REQUEST);

describe('the examples of the JSON-RPC 2.0 specification, section 7', () => {
  test.each([
    [
      'positional parameters',
      '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
      result(1, 19),
    ],
    [
      'positional parameters the other way round',
      '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
      result(2, -19),
    ],
    [
      'named parameters',
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
      result(3, 19),
    ],
    [
      'named parameters in another order',
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
      result(4, 19),
    ],
    ['a notification', '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', undefined],
    [
      'a notification of a method that is not there',
      '{"jsonrpc": "2.0", "method": "foobar"}',
      undefined,
    ],
    [
      'a method that is not there',
      '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
      error('1', METHOD_NOT_FOUND),
    ],
    [
      'invalid JSON',
      '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
      error(null, PARSE_ERROR),
    ],
    ['an invalid request object', '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', invalid],
    [
      'a batch that is invalid JSON',
      '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]',
      error(null, PARSE_ERROR),
    ],
    ['an empty array', '[]', invalid],
    ['an invalid batch that is not empty', '[1]', [invalid]],
    ['an invalid batch', '[1,2,3]', [invalid, invalid, invalid]],
    [
      'a mixed batch',
      `[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
         {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
         {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
         {"foo": "boo"},
         {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
         {"jsonrpc": "2.0", "method": "get_data", "id": "9"} ]`.replaceAll('\n', ''),
      [
        result('1', 7),
        result('2', 19),
        invalid,
        error('5', METHOD_NOT_FOUND),
        result('9', ['hello', 5]),
      ],
    ],
    [
      'a batch of notifications',
      '[ {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]} ]',
      undefined,
    ],
  ])('%s', async (_title, line, expected) => {
    const made = await answer(parseLine(line), call);
    expect(made === undefined ? undefined : JSON.parse(made)).toEqual(expected);
  });
});

const ask = (method: string, id?: unknown) => JSON.stringify({ jsonrpc: '2.0', method, id });
const say = async (line: string, how: Call) => {
  const made = await answer(parseLine(line), how);
  return made === undefined ? undefined : (JSON.parse(made) as unknown);
};

describe('a method', () => {
  test('that answers at once is answered at once', () => {
    expect(answer(parseLine(ask('m', 1)), () => 7)).toBe('{"jsonrpc":"2.0","id":1,"result":7}');
  });

  test('that answers later is answered later', async () => {
    expect(await say(ask('m', 1), () => Promise.resolve(7))).toEqual(result(1, 7));
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('canary');
      },
    ],
    ['rejects', () => Promise.reject(new Error('canary'))],
    ['answers with what is no JSON', () => 7n],
    ['promises what is no JSON', () => Promise.resolve(7n)],
  ])('that %s is answered with an internal error and none of its words', async (_title, how) => {
    const said = await say(ask('m', 1), how);
    expect(said).toEqual(error(1, -32603));
    expect(JSON.stringify(said)).not.toContain('canary');
  });

  test('that refuses is answered with its own code and data', async () => {
    const data = { reason: 'busy', retryAfterMs: null } as const;
    const refusal = new KmsError('NO_KEY_AVAILABLE', 'Every key is busy.', { data });
    expect(await say(ask('m', 1), () => Promise.reject(refusal))).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: 1001, message: 'Every key is busy.', data },
    });
  });

  test('whose answer does not fit in a line is answered with an error', async () => {
    expect(await say(ask('m', 1), () => 'x'.repeat(MAX_LINE_BYTES))).toEqual(error(1, -32603));
  });
});

test.each([
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no'))],
  ['answers', () => 7],
  ['promises', () => Promise.resolve(7)],
])('a notification is not answered when its method %s', async (_title, how) => {
  expect(await say(ask('m'), how)).toBeUndefined();
});

test('a response is not a request', async () => {
  expect(await say('{"jsonrpc":"2.0","id":3,"result":1}', call)).toEqual(error(3, INVALID_REQUEST));
});

test('a batch waits for its last answer', async () => {
  const how: Call = ({ method }) => (method === 'later' ? Promise.resolve('later') : 'now');
  const batch = `[${ask('later', 1)},${ask('now', 2)},${ask('later')}]`;
  expect(await say(batch, how)).toEqual([result(1, 'later'), result(2, 'now')]);
});

test('a batch whose answers do not fit in one line keeps one error for each request', async () => {
  const batch = `[${ask('m', 1)},${ask('m', 2)}]`;
  expect(await say(batch, () => 'x'.repeat(MAX_LINE_BYTES / 2))).toEqual([
    error(1, -32603),
    error(2, -32603),
  ]);
});
