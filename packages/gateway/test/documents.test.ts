import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  OK,
  response,
  startRecordingUpstream,
} from './support/recording-upstream.ts';

const JSON_TYPE = ['Content-Type: application/json'];
const PAGE =
  '<!doctype html><title>Log in to the hotel network</title><script>var a = {};</script>';
const CUT = '{"id":"gen-1","choi';
const CODINGS = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const;

const chunked = (...pieces: string[]) =>
  `${chunkedHead('application/json')}${pieces.map(chunk).join('')}0\r\n\r\n`;

/** A response whose body is of this coding, or says so. */
function coded(coding: string, body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

const APIS = ['chat/completions', 'completions', 'responses', 'messages', 'embeddings'];

const post = (path: string, headers: string[] = []) => {
  const body = '{"model":"m"}';
  const length = `Content-Length: ${body.length}`;
  return rawRequest('POST', `/api/v1/${path}`, [length, ...headers], body);
};

const BROKEN: [what: string, answer: string | Buffer][] = [
  ['empty', response('200 OK', '', JSON_TYPE)],
  ['empty and chunked', chunked()],
  ['blank', chunked('\n', '\n\n')],
  ['cut', chunked(CUT)],
  ['cut behind a bracket', chunked('{"choices":[{"message":{"content":"x"}}')],
  ['cut within a text', response('200 OK', '{"choices":[{"text":"}]}', JSON_TYPE)],
  ['a page', response('200 OK', PAGE, ['Content-Type: text/html; charset=utf-8'])],
  ['a page that is labelled as JSON', response('200 OK', PAGE, JSON_TYPE)],
  ['a text without a type', response('200 OK', 'ok')],
  ['a word of JSON', response('200 OK', 'null', JSON_TYPE)],
  ['not decodable', coded('gzip', Buffer.from('no gzip at all'))],
  ...CODINGS.flatMap(([coding, compress]): [string, Buffer][] => [
    [`a cut ${coding} body`, coded(coding, compress('{"choices":[]}').subarray(0, -2))],
    [`empty in ${coding}`, coded(coding, compress(''))],
    [`cut before it was coded in ${coding}`, coded(coding, compress(CUT))],
  ]),
];

describe('a 200 whose document is', () => {
  it.each(BROKEN)('%s is answered by another attempt', async (_what, broken) => {
    const upstream = await startRecordingUpstream(answering(broken, OK));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('chat/completions'));
    expect(answer.body.toString()).toBe('{"ok":true}');
    expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['2']);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['truncated', 'success']);
  });

  it.each(APIS)('cut is answered by another attempt at %s', async (api) => {
    const upstream = await startRecordingUpstream(answering(chunked(CUT), OK));
    const gateway = await startTestGateway(upstream.url);
    expect((await gateway.send(post(api))).body.toString()).toBe('{"ok":true}');
  });

  it.each(APIS)('always empty is an error in the shape of %s', async (api) => {
    const upstream = await startRecordingUpstream(answering(chunked('\n')));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post(api));
    expect(statusOf(answer)).toBe(502);
    const document: unknown = JSON.parse(answer.body.toString());
    expect(document).toMatchObject({ error: { metadata: { source: 'gateway' } } });
    expect(JSON.stringify(document)).toContain("OpenRouter's answer cannot be used: it is empty.");
    if (api === 'messages') expect(document).toMatchObject({ type: 'error' });
    await expect.poll(() => new Set(gateway.keys.outcomes())).toEqual(new Set(['truncated']));
  });

  it('always a page is an error that names its type, and no word of it', async () => {
    const page = response('200 OK', PAGE, ['Content-Type: text/html']);
    const upstream = await startRecordingUpstream(answering(page));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('chat/completions'));
    expect(statusOf(answer)).toBe(502);
    expect(answer.body.toString()).toContain('it is not JSON (text/html)');
    await expect.poll(() => gateway.keys.reports).toHaveLength(3);
    expect(JSON.stringify([gateway.keys.reports, gateway.log])).not.toContain('hotel');
  });

  it('whole is passed on byte for byte, whatever its type says', async () => {
    const body = '\n\n {"choices" : [ "\\\\\\"}" ] }\n';
    const text = response('200 OK', body, ['Content-Type: text/plain']);
    const upstream = await startRecordingUpstream(answering(text));
    const gateway = await startTestGateway(upstream.url);
    expect((await gateway.send(post('chat/completions'))).body.toString()).toBe(body);
  });

  it('large and cut ends abnormally, and is no success', async () => {
    const body = `{"data":["${'x'.repeat(2_000_000)}"`;
    const upstream = await startRecordingUpstream(answering(response('200 OK', body, JSON_TYPE)));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('embeddings'));
    expect(answer).toMatchObject({ complete: false, framing: 'chunked' });
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['truncated']);
  });

  it.each(CODINGS)('large once it is decoded is passed on whole (%s)', async (coding, compress) => {
    const body = `{"data":["${'x'.repeat(6_000_000)}"]}`;
    const upstream = await startRecordingUpstream(answering(coded(coding, compress(body))));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('embeddings', [`Accept-Encoding: ${coding}`]));
    expect(answer.complete).toBe(true);
    expect(answer.body.equals(Buffer.from(body))).toBe(true);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
  });
});

describe('plain JSON that is labelled as compressed', () => {
  it.each(CODINGS)('is passed on without the label (%s)', async (coding) => {
    const upstream = await startRecordingUpstream(answering(coded(coding, Buffer.from('{"a":1}'))));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('chat/completions', [`Accept-Encoding: ${coding}`]));
    expect(answer.body.toString()).toBe('{"a":1}');
    expect(headerLines(answer, 'content-encoding')).toEqual([]);
  });

  it('is understood as a refusal', async () => {
    const refusal = response(
      '429 Too Many Requests',
      '{"error":{"message":"Rate limit exceeded: free-models-per-day","code":429}}',
      [...JSON_TYPE, 'Content-Encoding: gzip'],
    );
    const upstream = await startRecordingUpstream(answering(refusal, OK));
    const gateway = await startTestGateway(upstream.url);
    await gateway.send(post('chat/completions'));
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['free_tier_exhausted', 'success']);
  });
});

it('asks for no content coding that it cannot read', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(post('chat/completions', ['Accept-Encoding: gzip, dcz;q=0.9, br;q=0.5']));
  await gateway.send(post('chat/completions', ['Accept-Encoding: compress, *']));
  const asked = upstream.requests().map((request) => headerLines(request, 'accept-encoding'));
  expect(asked).toEqual([['gzip, br;q=0.5'], ['identity']]);
});

describe('another endpoint', () => {
  it('that answers a GET with a cut document is asked once more', async () => {
    const upstream = await startRecordingUpstream(answering(chunked(CUT), OK));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawRequest('GET', '/api/v1/models/user'));
    expect(answer.body.toString()).toBe('{"ok":true}');
  });

  it('that answers a POST with an empty document is not asked again: that could be paid for twice', async () => {
    const upstream = await startRecordingUpstream(answering(chunked(), OK));
    const gateway = await startTestGateway(upstream.url);
    expect(statusOf(await gateway.send(post('videos')))).toBe(502);
    expect(upstream.requests()).toHaveLength(1);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['truncated']);
  });

  it.each([
    ['audio', 'POST', 'audio/speech', 'Content-Type: audio/mpeg', '\u0001\u0002'],
    ['a file', 'GET', 'files/file-1/content', 'Content-Type: application/json', ''],
    ['a deletion', 'DELETE', 'things/1', 'Content-Type: application/json', ''],
    ['a page', 'POST', 'unknown', 'Content-Type: text/html', PAGE],
  ])('may answer with %s', async (_what, method, path, type, body) => {
    const upstream = await startRecordingUpstream(answering(response('200 OK', body, [type])));
    const gateway = await startTestGateway(upstream.url);
    const sent = method === 'POST' ? post(path) : rawRequest(method, `/api/v1/${path}`);
    const answer = await gateway.send(sent);
    expect([statusOf(answer), answer.body.toString()]).toEqual([200, body]);
  });
});

describe('a redirect', () => {
  it.each([
    ['http://login.hotel.example/portal', 'login.hotel.example'],
    ['//other.example/api', 'other.example'],
    ['/elsewhere', 'another path'],
    ['http://', 'an address without a name'],
  ])('to %s is refused, and its address is not passed on', async (location, named) => {
    const redirect = response('302 Found', '', [`Location: ${location}`]);
    const upstream = await startRecordingUpstream(answering(redirect));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(post('chat/completions'));
    expect(statusOf(answer)).toBe(502);
    expect(headerLines(answer, 'location')).toEqual([]);
    expect(answer.body.toString()).toContain(`OpenRouter redirected to ${named} (302)`);
    expect(answer.body.toString()).toContain('check openrouter.base_url');
    expect(upstream.requests()).toHaveLength(1);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['truncated']);
  });

  it.each([
    '301 Moved Permanently',
    '303 See Other',
    '307 Temporary Redirect',
    '308 Permanent Redirect',
  ])('of status %s is refused for the list of models too', async (status) => {
    const redirect = response(status, '', ['Location: https://elsewhere.example/']);
    const upstream = await startRecordingUpstream(answering(redirect));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawRequest('GET', '/api/v1/models'));
    expect(statusOf(answer)).toBe(502);
    expect(answer.body.toString()).toContain('elsewhere.example');
  });

  it('is none where a copy of the client is still fresh (304)', async () => {
    const upstream = await startRecordingUpstream(answering(response('304 Not Modified')));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(
      rawRequest('GET', '/api/v1/providers', ['If-None-Match: "a"']),
    );
    expect(statusOf(answer)).toBe(304);
  });
});

it('a document that is whole is sent with its length', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{"model":"m"}'));
  expect(headerLines(answer, 'content-length')).toEqual(['11']);
});
