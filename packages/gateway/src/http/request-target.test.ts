import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublic, parseTarget } from './request-target.ts';

describe('parseTarget', () => {
  it.each(['/api/v1', '/v1', '/api/v1/v1', '/v1/v1'])('serves the API under %s', (prefix) => {
    expect(parseTarget(`${prefix}/chat/completions?a=1`)).toEqual({
      kind: 'api',
      path: '/chat/completions',
      query: '?a=1',
      api: 'chat',
    });
  });

  it.each([
    ['/api/v1/responses', 'responses'],
    ['/api/v1/messages?beta=true', 'messages'],
    ['/api/v1/messages/', 'messages'],
    ['/api/v1/embeddings', 'embeddings'],
    ['/api/v1/completions', 'completions'],
    ['/api/v1/models', 'other'],
    ['/api/v1/__proto__', 'other'],
  ])('knows the API of %s', (url, api) => {
    expect(parseTarget(url)).toMatchObject({ kind: 'api', api });
  });

  it('keeps path and query byte for byte', () => {
    const url = '/api/v1/models/a%20b/c:free?q=%E2%82%AC&x=a/../b';
    expect(parseTarget(url)).toMatchObject({
      path: '/models/a%20b/c:free',
      query: '?q=%E2%82%AC&x=a/../b',
    });
  });

  it.each(['/api', '/api/', '/v1', '/api/v1', '/api/v1/', '/v1/v1', '/api/v1?a=b'])(
    'takes %s for where programs look first',
    (url) => expect(parseTarget(url)).toEqual({ kind: 'entry', isRoot: false }),
  );

  it('takes / for where people look first', () => {
    expect(parseTarget('/?a=b')).toEqual({ kind: 'entry', isRoot: true });
  });

  it.each(['/api/v1x/chat', '/api/v2/chat', '/API/v1/chat', '/apix', '/v10/x'])(
    'does not take %s for the API',
    (url) => {
      expect(parseTarget(url)).toEqual({ kind: 'unknown', mistake: null });
    },
  );

  it.each(['/api/v1//', '/v1//', '/api/v1/v1//'])(
    'takes the second slash of %schat/completions for a part of the prefix',
    (prefix) => {
      expect(parseTarget(`${prefix}chat/completions?a=1`)).toEqual({
        kind: 'api',
        path: '/chat/completions',
        query: '?a=1',
        api: 'chat',
      });
      expect(parseTarget(prefix)).toEqual({ kind: 'entry', isRoot: false });
    },
  );

  it.each([
    ['/api/v1/api/v1/chat/completions', 'prefix twice'],
    ['/v1/api/v1/models', 'prefix twice'],
    ['/v1//v1/models', 'prefix twice'],
    ['/api/v1/v1/v1/models', 'prefix twice'],
    ['/api/v1/api/v1', 'prefix twice'],
    ['/api/v1/chat/completions/chat/completions', 'endpoint twice'],
    ['/api/v1/chat/completions/models', 'endpoint twice'],
    ['/v1/messages/v1/messages', 'endpoint twice'],
    ['/chat/completions', null],
    ['/api/chat/completions', null],
    ['/models', null],
  ])('sees in %s a base URL that is wrong: %s', (url, mistake) => {
    expect(parseTarget(url)).toEqual({ kind: 'unknown', mistake });
  });

  it.each(['/api/v1/embeddings/models', '/api/v1/messages/count_tokens', '/api/v1/models/api/v1'])(
    'serves %s: no part of it is there twice',
    (url) => expect(parseTarget(url)).toMatchObject({ kind: 'api' }),
  );

  it.each([
    '/api/v1/%2e%2e/keys',
    '/api/v1/%2E%2e/keys',
    '/api/v1/.%2e/keys',
    '/api/v1/../keys',
    '/api/v1/./keys',
    '/api/v1/..',
    '/api/v1/.',
    '/api/v1/%2e',
    '/api/v1/..%2fkeys',
    '/api/v1/..%5ckeys',
    '/api/v1\\..\\keys',
    '/api/v1/a%00b',
    '/api/v1/a%0d%0ab',
    '/api/v1/a%7fb',
    '//evil/api/v1',
    '//api/v1/models',
    '/api/v1///models',
    '/api/v1/chat//completions',
    '/api/v1//../keys',
    '/api/v1//%2e%2e/keys',
    '/api/v1//..%2fkeys',
    '/api//v1/chat',
    '/api/v1/chat#x',
    '/api/v1/ü',
    'http://evil/',
    'http://[',
    'http://a:99999999/',
    '*',
    'evil:443',
    '',
  ])('refuses %j', (url) => {
    expect(parseTarget(url)).toMatchObject({ kind: 'unsafe' });
  });

  it('reads the path that it checks: what follows one slash too many is what follows the prefix', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[/.%25eEfFcC0\\ab]{0,12}$/), (tail) => {
        const read = parseTarget(`/api/v1//${tail}`);
        if (read.kind === 'unsafe') return;
        expect(read).toEqual(parseTarget(`/api/v1/${tail}`));
      }),
      { numRuns: 2_000 },
    );
  });

  it('never lets through a path that a URL parser would change', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[/.%25eEfFcC0\\ab]{0,12}$/), (tail) => {
        const url = `/api/v1/${tail}`;
        const target = parseTarget(url);
        if (target.kind === 'unsafe') return;
        expect(new URL(url, 'http://gateway').pathname).toBe(url);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('isPublic', () => {
  it('matches whole path segments only', () => {
    const endpoints = ['/api/v1/models'];
    expect(isPublic('/api/v1/models', endpoints)).toBe(true);
    expect(isPublic('/api/v1/models/a/b/endpoints', endpoints)).toBe(true);
    expect(isPublic('/api/v1/modelsZZZ', endpoints)).toBe(false);
    expect(isPublic('/api/v1/model', endpoints)).toBe(false);
  });
});
