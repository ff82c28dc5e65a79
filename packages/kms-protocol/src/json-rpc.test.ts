import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_BATCH, MAX_DEPTH, parseLine, type Incoming } from './json-rpc.ts';

function errorOf(incoming: Incoming): unknown {
  return incoming.kind === 'invalid' ? [incoming.error.code, incoming.id] : incoming.kind;
}

describe('a message', () => {
  test('with an id is a request', () => {
    const line = '{"jsonrpc":"2.0","id":7,"method":"m","params":{"a":1}}';
    expect(parseLine(line)).toEqual({ kind: 'request', id: 7, method: 'm', params: { a: 1 } });
  });

  test('without one is a notification', () => {
    const line = '{"jsonrpc":"2.0","method":"m"}';
    expect(parseLine(line)).toEqual({ kind: 'notification', method: 'm', params: undefined });
  });

  test('with the id null is a request', () => {
    expect(parseLine('{"jsonrpc":"2.0","id":null,"method":"m"}').kind).toBe('request');
  });

  test('with a result is a response, also when that is null', () => {
    const line = '{"jsonrpc":"2.0","id":"x","result":null}';
    expect(parseLine(line)).toEqual({ kind: 'result', id: 'x', result: null });
  });

  test('with an error is a response', () => {
    const line = '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}';
    expect(parseLine(line)).toMatchObject({ kind: 'error', id: null, error: { code: -32700 } });
  });

  test.each([
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"m"}', 1],
    ['no version', '{"id":1,"method":"m"}', 1],
    ['a method that is no string', '{"jsonrpc":"2.0","id":1,"method":7}', 1],
    ['params that are a string', '{"jsonrpc":"2.0","id":1,"method":"m","params":"p"}', 1],
    ['params that are null', '{"jsonrpc":"2.0","id":1,"method":"m","params":null}', 1],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"m"}', null],
    ['an id that is an array', '{"jsonrpc":"2.0","id":[],"method":"m"}', null],
    ['an id that is true', '{"jsonrpc":"2.0","id":true,"method":"m"}', null],
    ['an id that cannot be sent back', '{"jsonrpc":"2.0","id":1e400,"method":"m"}', null],
    ['an id beyond 2^53', '{"jsonrpc":"2.0","id":9007199254740993,"method":"m"}', null],
    ['an endless id', `{"jsonrpc":"2.0","id":"${'x'.repeat(257)}","method":"m"}`, null],
    ['result and error', '{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}', 1],
    ['neither method nor result nor error', '{"jsonrpc":"2.0","id":1}', 1],
    ['a malformed error', '{"jsonrpc":"2.0","id":1,"error":{"code":"1"}}', 1],
    ['a number instead of an object', '1', null],
  ])('with %s is invalid', (_title, line, id) => {
    expect(errorOf(parseLine(line))).toEqual(['INVALID_REQUEST', id]);
  });

  test.each([
    ['is empty', ''],
    ['is cut off', '{"jsonrpc":"2.0","id":1'],
    ['is two messages', '{}{}'],
    ['begins with a byte order mark', '\ufeff{}'],
    ['is HTTP', 'GET / HTTP/1.1'],
    ['was not UTF-8', undefined],
  ])('whose line %s is a parse error', (_title, line) => {
    expect(errorOf(parseLine(line))).toEqual(['PARSE_ERROR', null]);
  });

  test('is not named after a prototype it brings along', () => {
    const line = '{"__proto__":{"method":"m"},"jsonrpc":"2.0","id":1}';
    expect(errorOf(parseLine(line))).toEqual(['INVALID_REQUEST', 1]);
  });
});

describe('a batch', () => {
  test('holds what each of its messages is', () => {
    const incoming = parseLine('[{"jsonrpc":"2.0","method":"m"},1]');
    expect(incoming.kind === 'batch' && incoming.messages.map(({ kind }) => kind)).toEqual([
      'notification',
      'invalid',
    ]);
  });

  test('without messages is one invalid message', () => {
    expect(errorOf(parseLine('[]'))).toEqual(['INVALID_REQUEST', null]);
  });

  test('has a greatest length', () => {
    const batch = (length: number) => JSON.stringify(Array.from({ length }, () => 1));
    expect(errorOf(parseLine(batch(MAX_BATCH)))).toBe('batch');
    expect(errorOf(parseLine(batch(MAX_BATCH + 1)))).toEqual(['INVALID_REQUEST', null]);
  });
});

describe('nesting', () => {
  const nested = (depth: number) =>
    `{"jsonrpc":"2.0","method":"m","params":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

  test('is taken up to its limit', () => {
    expect(errorOf(parseLine(nested(MAX_DEPTH)))).toBe('notification');
    expect(errorOf(parseLine(nested(MAX_DEPTH + 1)))).toEqual(['INVALID_REQUEST', null]);
  });

  test('of two hundred thousand arrays is refused', () => {
    expect(errorOf(parseLine('['.repeat(200_000)))).toEqual(['INVALID_REQUEST', null]);
  });

  test('is not seen in strings, whatever is escaped in them', () => {
    const text = fc.string({ unit: fc.constantFrom('\\', '"', '[', '{', 'a') });
    fc.assert(
      fc.property(text, (value) => {
        const params = [value, `${value}${'['.repeat(20)}`];
        const line = JSON.stringify({ jsonrpc: '2.0', method: 'm', params });
        expect(parseLine(line)).toEqual({ kind: 'notification', method: 'm', params });
      }),
    );
  });

  test('is told apart from breadth', () => {
    const params = Array.from({ length: 1_000 }, () => ({ a: [] }));
    const line = JSON.stringify({ jsonrpc: '2.0', method: 'm', params });
    expect(errorOf(parseLine(line))).toBe('notification');
  });
});

test('no line makes the parser throw', () => {
  const json = fc.json().map((text) => text);
  const mutated = fc
    .tuple(json, fc.nat(), fc.string({ maxLength: 3 }))
    .map(([text, at, patch]) => text.slice(0, at % (text.length + 1)) + patch + text.slice(at));
  fc.assert(
    fc.property(fc.oneof(json, mutated, fc.string()), (line) => {
      expect(parseLine(line).kind).toBeTypeOf('string');
    }),
  );
});
