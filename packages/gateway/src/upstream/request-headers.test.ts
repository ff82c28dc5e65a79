import { describe, expect, it } from 'vitest';
import { upstreamRequestHeaders } from './request-headers.ts';

const identity = { host: 'openrouter.ai', requestId: 'r-1', secret: 'leased' };

describe('upstreamRequestHeaders', () => {
  it('sends the leased key as the only credential', () => {
    const headers = upstreamRequestHeaders(
      { authorization: 'Bearer client', 'x-api-key': 'client', cookie: 'a=b', 'api-key': 'client' },
      identity,
    );
    expect(headers).toEqual({
      host: 'openrouter.ai',
      connection: 'keep-alive',
      'x-request-id': 'r-1',
      authorization: 'Bearer leased',
    });
  });

  it('sends no credential at all where none is needed', () => {
    const headers = upstreamRequestHeaders(
      { authorization: 'Bearer client' },
      { ...identity, secret: null },
    );
    expect(headers).not.toHaveProperty('authorization');
  });

  it('forwards what is end to end, known or not', () => {
    const forwarded = {
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'a,b',
      'http-referer': 'https://app',
      'x-title': 'App',
      'x-stainless-lang': 'js',
      traceparent: '00-1-2-01',
      'accept-encoding': 'gzip',
    };
    expect(upstreamRequestHeaders(forwarded, identity)).toMatchObject(forwarded);
  });

  it('leaves behind hop-by-hop fields, and whatever Connection names, but never our own key', () => {
    const headers = upstreamRequestHeaders(
      {
        connection: 'close, Authorization, X-Private',
        'keep-alive': 'timeout=5',
        te: 'trailers',
        upgrade: 'websocket',
        'proxy-authorization': 'Basic x',
        'x-private': '1',
      },
      identity,
    );
    expect(Object.keys(headers).sort()).toEqual([
      'authorization',
      'connection',
      'host',
      'x-request-id',
    ]);
    expect(headers.authorization).toBe('Bearer leased');
  });

  it('keeps where the client came from and who its user is to itself', () => {
    const headers = upstreamRequestHeaders(
      {
        'x-forwarded-for': '10.0.0.1',
        forwarded: 'for=10.0.0.1',
        'cf-connecting-ip': '10.0.0.1',
        'x-openwebui-user-email': 'a@b',
        expect: '100-continue',
      },
      identity,
    );
    expect(Object.keys(headers)).toHaveLength(4);
  });

  it('announces a body as the client did, also when Connection names the length', () => {
    expect(
      upstreamRequestHeaders({ 'content-length': '5', connection: 'content-length' }, identity),
    ).toMatchObject({ 'content-length': '5' });
    expect(upstreamRequestHeaders({ 'transfer-encoding': 'chunked' }, identity)).toMatchObject({
      'transfer-encoding': 'chunked',
    });
  });
});
