import { describe, expect, it } from 'vitest';
import { clientResponseHeaders } from './response-headers.ts';

describe('clientResponseHeaders', () => {
  it('passes on what is end to end', () => {
    const headers = { 'content-type': 'application/json', 'x-generation-id': 'gen-1', date: 'd' };
    expect(clientResponseHeaders(200, headers, null)).toEqual(headers);
  });

  it('withholds cookies, echoed credentials, and the fields the gateway sets itself', () => {
    const headers = clientResponseHeaders(
      200,
      {
        'set-cookie': ['a=b'],
        authorization: 'Bearer leased',
        'x-request-id': 'theirs',
        connection: 'close, x-hop',
        'x-hop': '1',
        'keep-alive': 'timeout=1',
      },
      null,
    );
    expect(headers).toEqual({});
  });

  it('never states both a length and a transfer encoding', () => {
    const headers = clientResponseHeaders(
      200,
      {
        'content-length': '5',
        'transfer-encoding': 'chunked',
      },
      null,
    );
    expect(headers).toEqual({});
  });

  it('drops the length of a body that a 204 cannot have, and keeps that of a HEAD or 304', () => {
    expect(clientResponseHeaders(204, { 'content-length': '5' }, null)).toEqual({});
    expect(clientResponseHeaders(304, { 'content-length': '5' }, null)).toEqual({
      'content-length': '5',
    });
  });

  it('withholds every field that holds the key the request was sent under', () => {
    const headers = { 'x-echo': 'Bearer leased!', link: ['<a>', '<leased>'], 'x-other': '1' };
    expect(clientResponseHeaders(200, headers, 'leased')).toEqual({ 'x-other': '1' });
  });
});
