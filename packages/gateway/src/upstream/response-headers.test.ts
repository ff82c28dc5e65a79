import { describe, expect, it } from 'vitest';
import { clientResponseHeaders, removeSecret } from './response-headers.ts';
import { createMask } from './secret-mask.ts';

describe('clientResponseHeaders', () => {
  it('passes on what is end to end', () => {
    const headers = { 'content-type': 'application/json', 'x-generation-id': 'gen-1', date: 'd' };
    expect(clientResponseHeaders(200, headers)).toEqual(headers);
  });

  it('withholds cookies, echoed credentials, and the fields the gateway sets itself', () => {
    const headers = clientResponseHeaders(200, {
      'set-cookie': ['a=b'],
      authorization: 'Bearer leased',
      'x-request-id': 'theirs',
      connection: 'close, x-hop',
      'x-hop': '1',
      'keep-alive': 'timeout=1',
    });
    expect(headers).toEqual({});
  });

  it('never states both a length and a transfer encoding', () => {
    const headers = clientResponseHeaders(200, {
      'content-length': '5',
      'transfer-encoding': 'chunked',
    });
    expect(headers).toEqual({});
  });

  it('drops the length of a body that a 204 cannot have, and keeps that of a HEAD or 304', () => {
    expect(clientResponseHeaders(204, { 'content-length': '5' })).toEqual({});
    expect(clientResponseHeaders(304, { 'content-length': '5' })).toEqual({
      'content-length': '5',
    });
  });
});

it('removes every field that holds the key, in its name or its value', () => {
  const secret = `sk-or-v1-${'0123456789abcdef'.repeat(4)}`;
  const headers = {
    'x-echo': `Bearer ${secret}!`,
    link: ['<a>', `<${encodeURIComponent(secret)}>`],
    'x-generation-id': secret.slice('sk-or-v1-'.length).toUpperCase(),
    [secret]: '1',
    'set-cookie': [secret],
    'x-other': '1',
  };
  removeSecret(headers, createMask(secret));
  expect(headers).toEqual({ 'x-other': '1' });
});
