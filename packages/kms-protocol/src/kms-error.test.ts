import { describe, expect, test } from 'vitest';
import { ERROR_CODE } from './error-code.ts';
import { KmsError, type JsonRpcError } from './kms-error.ts';

describe('an error on the wire', () => {
  test('comes back as it was sent', () => {
    const data = { reason: 'cooling', retryAfterMs: 1_500 } as const;
    const sent = new KmsError('NO_KEY_AVAILABLE', 'Every key cools.', { data });
    const received = KmsError.fromJsonRpc(
      JSON.parse(JSON.stringify(sent.toJsonRpc())) as JsonRpcError,
    );
    expect(received.code).toBe('NO_KEY_AVAILABLE');
    expect(received.message).toBe('Every key cools.');
    expect(received.data).toEqual(data);
  });

  test('has no data where its code has none', () => {
    expect(new KmsError('FORBIDDEN', 'No.').toJsonRpc()).toEqual({
      code: ERROR_CODE.FORBIDDEN,
      message: 'No.',
    });
  });

  test('does not tell its cause', () => {
    const error = new KmsError('STORE_FAILED', 'Not saved.', { cause: new Error('canary') });
    expect(JSON.stringify(error.toJsonRpc())).not.toContain('canary');
  });

  test.each([
    ['with a code nobody knows', { code: 42, message: 'odd' }],
    ['without the data of its code', { code: 1001, message: 'No key.' }],
    ['with the wrong data', { code: 1002, message: 'No such key.', data: { nearest: 7 } }],
  ])('%s is an internal error', (_title, wire) => {
    expect(KmsError.fromJsonRpc(wire).code).toBe('INTERNAL_ERROR');
  });
});

describe('anything caught', () => {
  test('stays itself if it is a KmsError', () => {
    const error = new KmsError('UNAVAILABLE', 'Not there.');
    expect(KmsError.from(error)).toBe(error);
  });

  test('otherwise becomes an internal error that keeps it as its cause and repeats none of its words', () => {
    const cause = new TypeError('canary');
    const error = KmsError.from(cause);
    expect(error.code).toBe('INTERNAL_ERROR');
    expect(error.cause).toBe(cause);
    expect(error.message).not.toContain('canary');
  });
});

test('an error is told apart by its code', () => {
  const error: unknown = new KmsError('UNKNOWN_KEY', 'No such key.', { data: { nearest: 'k2' } });
  expect(KmsError.is(error, 'UNKNOWN_KEY') && error.data.nearest).toBe('k2');
  expect(KmsError.is(error, 'FORBIDDEN')).toBe(false);
  expect(KmsError.is(new Error('UNKNOWN_KEY'), 'UNKNOWN_KEY')).toBe(false);
});
