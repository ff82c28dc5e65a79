import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_REWRITTEN_BYTES, ownUrl, withOwnUrls, type UrlMap } from './answer-urls.ts';
import { ownOrigin, type OriginFacts } from './own-origin.ts';

const MAP: UrlMap = {
  upstreamBase: 'https://openrouter.ai/api/v1',
  ownOrigin: 'http://127.0.0.1:5555',
};
const rewrite = (document: unknown, map = MAP): unknown =>
  JSON.parse(withOwnUrls(Buffer.from(JSON.stringify(document)), map).toString());

describe('withOwnUrls', () => {
  it('rewrites polling_url and unsigned_urls of a video', () => {
    const job = (origin: string) => ({
      id: 'v1',
      polling_url: `${origin}/api/v1/videos/v1`,
      unsigned_urls: [`${origin}/api/v1/videos/v1/content?index=0#t`],
    });
    expect(rewrite(job('https://openrouter.ai'))).toEqual(job(MAP.ownOrigin));
    expect(rewrite(job('https://eu.openrouter.ai'))).toEqual(job(MAP.ownOrigin));
  });

  it('rewrites URLs with escaped slashes', () => {
    const json = String.raw`{"polling_url":"https:\/\/openrouter.ai\/api\u002fv1\/videos\/v1"}`;
    expect(withOwnUrls(Buffer.from(json), MAP).toString()).toBe(
      '{"polling_url":"http://127.0.0.1:5555/api/v1/videos/v1"}',
    );
  });

  it('keeps every byte of a document that has no such URL', () => {
    const json =
      '{ "cost": 1.00, "big": 12345678901234567890, "url": "https://example.com/api/v1/x" }';
    expect(withOwnUrls(Buffer.from(json), MAP).toString()).toBe(json);
  });

  it('passes what is too large or no JSON', () => {
    const large = Buffer.from(
      JSON.stringify(['https://openrouter.ai/api/v1', 'x'.repeat(MAX_REWRITTEN_BYTES)]),
    );
    expect(withOwnUrls(large, MAP)).toBe(large);
    const page = Buffer.from('<a href="https://openrouter.ai/api/v1/x">');
    expect(withOwnUrls(page, MAP)).toBe(page);
  });

  it('leaves no URL of the upstream behind, wherever in a document it stands', () => {
    const url = fc.webPath().map((path) => `https://openrouter.ai/api/v1${path}`);
    const document = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', maxDepth: 3 },
        url,
        fc.string(),
        fc.integer(),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('value'), { maxLength: 4 }),
      object: fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
    })).value;
    fc.assert(
      fc.property(document, (value) => {
        const text = JSON.stringify(rewrite(value));
        expect(text).not.toContain('https://openrouter.ai/api/v1');
      }),
    );
  });
});

describe('ownUrl', () => {
  const local: UrlMap = {
    upstreamBase: 'http://127.0.0.1:8080/api/v1/',
    ownOrigin: 'https://g.test',
  };
  it.each([
    ['http://127.0.0.1:8080/api/v1/files/f?x=1', 'https://g.test/api/v1/files/f?x=1'],
    ['https://openrouter.ai/api/beta/batches/b', 'https://g.test/api/beta/batches/b'],
    ['http://127.0.0.1:8081/api/v1/files/f', null],
    ['https://openrouter.ai/docs', null],
    ['https://openrouter.ai.evil.test/api/v1/x', null],
    ['/api/v1/files/f', null],
    ['see https://openrouter.ai/api/v1', null],
  ])('%s becomes %s', (url, expected) => {
    expect(ownUrl(url, local)).toBe(expected);
  });
});

describe('ownOrigin', () => {
  const facts: OriginFacts = {
    publicUrl: null,
    headers: {
      host: 'gateway.test:5555',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'front.test',
    },
    isTrustedProxy: false,
    listensAt: '127.0.0.1:5555',
  };
  it('is the Host that the client named', () => {
    expect(ownOrigin(facts)).toBe('http://gateway.test:5555');
  });

  it('believes the forwarded host and scheme of a trusted proxy only', () => {
    expect(ownOrigin({ ...facts, isTrustedProxy: true })).toBe('https://front.test');
  });

  it('is the public URL where that is set', () => {
    expect(ownOrigin({ ...facts, publicUrl: 'https://ai.example/' })).toBe('https://ai.example');
  });

  it.each(['evil.test/x', 'a b', 'user@host', 'x"y', undefined])(
    'does not use %s as a host',
    (host) => {
      expect(ownOrigin({ ...facts, headers: { host } })).toBe('http://127.0.0.1:5555');
    },
  );
});
