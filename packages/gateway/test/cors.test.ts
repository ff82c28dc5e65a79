import { describe, expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

const preflight = (path: string, asked = 'authorization, content-type') =>
  [
    `OPTIONS ${path} HTTP/1.1`,
    'Host: gateway',
    'Origin: https://app.example',
    'Access-Control-Request-Method: POST',
    `Access-Control-Request-Headers: ${asked}`,
    '\r\n',
  ].join('\r\n');

describe('a preflight', () => {
  it.each(['/api/v1/chat/completions', '/v1/models', '/api/v1'])(
    'for %s is answered without a key and without the upstream',
    async (path) => {
      const upstream = await startRecordingUpstream(answering(OK));
      const gateway = await startTestGateway(upstream.url);
      const answer = await gateway.send(preflight(path));
      expect(statusOf(answer)).toBe(204);
      expect(headerLines(answer, 'access-control-allow-origin')).toEqual(['*']);
      expect(headerLines(answer, 'access-control-allow-methods')).toEqual([
        'GET,OPTIONS,PATCH,DELETE,POST,PUT',
      ]);
      const [allowed] = headerLines(answer, 'access-control-allow-headers');
      for (const name of [
        'Authorization',
        'X-Api-Key',
        'Content-Type',
        'HTTP-Referer',
        'X-Title',
      ]) {
        expect(allowed).toContain(name);
      }
      expect(upstream.connections).toHaveLength(0);
    },
  );

  it('allows what an SDK says of itself, and nothing else that is asked for', async () => {
    const gateway = await startTestGateway('http://127.0.0.1:1');
    const asked = 'x-stainless-lang, x-stainless-retry-count, x-anything, x-stainless-a\x01b';
    const answer = await gateway.send(preflight('/v1/models', asked.replace('\x01', '_')));
    const [allowed] = headerLines(answer, 'access-control-allow-headers');
    expect(allowed).toContain('x-stainless-lang, x-stainless-retry-count');
    expect(allowed).not.toContain('x-anything');
    expect(allowed).not.toContain('a_b');
  });

  it.each(['/metrics', '/health', '/'])(
    'for %s is refused: browsers have no business there',
    async (path) => {
      const gateway = await startTestGateway('http://127.0.0.1:1');
      const answer = await gateway.send(preflight(path));
      expect(statusOf(answer)).toBe(405);
      expect(headerLines(answer, 'access-control-allow-origin')).toEqual([]);
    },
  );
});

describe('an answer of the API is readable for browsers', () => {
  it.each([
    ['a success', OK, 200],
    ['an error of the upstream', response('400 Bad Request', '{"error":{"message":"x"}}'), 400],
    ['a response that is not HTTP', 'garbage\r\n\r\n', 502],
    [
      'a success with CORS fields of its own',
      response('200 OK', '{}', [
        'Access-Control-Allow-Origin: https://x',
        'Access-Control-Expose-Headers: X-A',
      ]),
      200,
    ],
  ])('when it is %s', async (_what, bytes, status) => {
    const upstream = await startRecordingUpstream(answering(bytes));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{}', ['Origin: https://app.example']));
    expect(statusOf(answer)).toBe(status);
    expect(headerLines(answer, 'access-control-allow-origin')).toEqual(['*']);
    const [exposed] = headerLines(answer, 'access-control-expose-headers');
    for (const name of ['X-Request-ID', 'Retry-After', 'X-Generation-Id']) {
      expect(exposed).toContain(name);
    }
  });

  it('when no key was sent', async () => {
    const gateway = await startTestGateway('http://127.0.0.1:1');
    const answer = await gateway.send('GET /v1/key HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(statusOf(answer)).toBe(401);
    expect(headerLines(answer, 'access-control-allow-origin')).toEqual(['*']);
  });
});

it.each(['/metrics', '/health', '/nowhere'])('%s is not for other origins', async (path) => {
  const gateway = await startTestGateway('http://127.0.0.1:1');
  const answer = await gateway.send(rawRequest('GET', path, ['Origin: https://app.example']));
  expect(headerLines(answer, 'access-control-allow-origin')).toEqual([]);
});
