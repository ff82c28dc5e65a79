import { describe, expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf, type Message } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  response,
  startRecordingUpstream,
} from './support/recording-upstream.ts';
import { json, STREAMS, streamRequest, wholeStream } from './support/streams.ts';

const JSON_TYPE = ['Content-Type: application/json'];

const error = (code: number, message: string, metadata?: object) =>
  JSON.stringify({ error: { code, message, ...(metadata === undefined ? {} : { metadata }) } });
const source = (limit_source: string) => ({ limit_source });

/** OpenRouter's refusals that are about the key, and the status that the client gets instead. */
const REFUSALS: [status: string, body: string, words: RegExp, instead: number][] = [
  ['401 Unauthorized', error(401, 'User not found.'), /User not found/, 503],
  ['401 Unauthorized', error(401, 'No auth credentials found'), /No auth/, 503],
  ['403 Forbidden', error(403, 'Key limit exceeded (daily limit)'), /limit exceeded/, 429],
  ['402 Payment Required', error(402, 'Insufficient credits. Add more'), /Add more/, 429],
  ['402 Payment Required', error(402, 'x', source('openrouter_in_flight_budget')), /"x"/, 429],
  ['403 Forbidden', error(403, 'y', source('openrouter_workspace_budget')), /"y"/, 429],
  ['429 Too Many', error(429, 'Rate limit exceeded: free-models-per-day'), /per-day/, 429],
];

const modelOf = (path: string) => (path.startsWith('/api/v1/datasets') ? '' : '{"model":"m"}');
const post = (path: string) =>
  rawRequest('POST', path, [`Content-Length: ${modelOf(path).length}`], modelOf(path));

function expectOwnError(answer: Message, words: RegExp, status: number): void {
  const text = answer.body.toString();
  expect(statusOf(answer)).toBe(status);
  expect(text).toContain('"source":"gateway"');
  expect(text).not.toMatch(words);
  expect(headerLines(answer, 'www-authenticate')).toEqual([]);
  expect(headerLines(answer, 'retry-after')).toEqual(['1']);
  expect(headerLines(answer, 'x-should-retry')).toEqual([]);
}

describe.each(REFUSALS)('a refusal of the key (%s %s)', (status, body, words, instead) => {
  const refusal = response(status, body, [...JSON_TYPE, 'WWW-Authenticate: Bearer']);

  it.each([
    '/api/v1/chat/completions',
    '/api/v1/completions',
    '/api/v1/responses',
    '/api/v1/messages',
    '/api/v1/embeddings',
    '/api/v1/images',
    '/api/v1/datasets/session-cost',
  ])('on %s reaches no client when the attempts are used up', async (path) => {
    const upstream = await startRecordingUpstream(answering(refusal));
    const gateway = await startTestGateway(upstream.url, { forwarding: { maxAttempts: 1 } });
    expectOwnError(await gateway.send(post(path)), words, instead);
    expect(upstream.requests()).toHaveLength(1);
  });

  it('reaches no client when every key has been tried', async () => {
    const upstream = await startRecordingUpstream(answering(refusal));
    const gateway = await startTestGateway(upstream.url);
    const text = (await gateway.send(post('/api/v1/chat/completions'))).body.toString();
    expect(text).toContain('"source":"gateway"');
    expect(text).not.toMatch(words);
  });

  it('reaches no client in an answer of 200', async () => {
    const within = body.startsWith('{') ? body : error(401, body);
    const upstream = await startRecordingUpstream(answering(response('200 OK', within, JSON_TYPE)));
    const gateway = await startTestGateway(upstream.url, { forwarding: { maxAttempts: 1 } });
    const answer = await gateway.send(post('/api/v1/chat/completions'));
    expect(statusOf(answer)).toBeGreaterThanOrEqual(429);
    expect(answer.body.toString()).toContain('"source":"gateway"');
    expect(answer.body.toString()).not.toMatch(words);
  });

  it('reaches no client as the first event of a stream', async () => {
    const within = body.startsWith('{') ? body : error(401, body);
    const events = `${chunkedHead()}${chunk(`data: ${within}\n\n`)}0\r\n\r\n`;
    const upstream = await startRecordingUpstream(answering(events));
    const gateway = await startTestGateway(upstream.url, { forwarding: { maxAttempts: 1 } });
    const answer = await gateway.send(rawPost('{"model":"m","stream":true}'));
    expect(statusOf(answer)).toBeGreaterThanOrEqual(429);
    expect(answer.body.toString()).toContain('"source":"gateway"');
    expect(answer.body.toString()).not.toMatch(words);
  });

  it('reaches no client whose stream has begun with comments', async () => {
    const within = body.startsWith('{') ? body : error(401, body);
    const begun = `${chunkedHead()}${chunk(': OPENROUTER PROCESSING\n\n')}`;
    const upstream = await startRecordingUpstream(
      answering(`${begun}${chunk(`data: ${within}\n\n`)}0\r\n\r\n`),
    );
    const gateway = await startTestGateway(upstream.url, { forwarding: { maxAttempts: 1 } });
    const client = await gateway.connect();
    client.send(rawPost('{"model":"m","stream":true}'));
    await client.ended();
    expect(client.received).toContain(': OPENROUTER PROCESSING');
    expect(client.received).toContain('"source":"gateway"');
    expect(client.received).not.toMatch(words);
  });
});

it('is the gateway’s own after a deadline that has passed meanwhile', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    await connection.ended();
  });
  const gateway = await startTestGateway(upstream.url, { forwarding: { deadlineMs: 100 } });
  const answer = await gateway.send(rawPost('{"model":"m"}'));
  expect(statusOf(answer)).toBe(504);
});

it.each(['/api/v1/providers', '/api/v1/models'])(
  'names the setting to change when %s is public and OpenRouter wants a key for it',
  async (path) => {
    const refusal = response('401 Unauthorized', error(401, 'No cookie auth found'), JSON_TYPE);
    const upstream = await startRecordingUpstream(answering(refusal));
    const gateway = await startTestGateway(upstream.url, {
      rules: { publicEndpoints: ['/api/v1/providers', '/api/v1/models'] },
    });
    const answer = await gateway.send(`GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`);
    expect(statusOf(answer)).toBe(503);
    expect(answer.body.toString()).toContain('openrouter.public_endpoints');
    expect(headerLines(answer, 'x-should-retry')).toEqual(['false']);
  },
);

it('of a provider that refuses OpenRouter is no 401 for the client', async () => {
  const body = error(401, 'Provider returned error', { provider_name: 'Acme', raw: 'bad key' });
  const upstream = await startRecordingUpstream(
    answering(response('401 Unauthorized', body, JSON_TYPE)),
  );
  const gateway = await startTestGateway(upstream.url, { forwarding: { maxAttempts: 1 } });
  const answer = await gateway.send(rawPost('{"model":"m"}'));
  expect(statusOf(answer)).toBe(502);
  expect(answer.body.toString()).toContain('Your access key is right');
});

it('within an answer is told in words of the gateway, and the stream does not look whole', async () => {
  const { preamble, content, end } = STREAMS.chat;
  const event = json({ error: { code: 403, message: 'Key limit exceeded (daily limit)' } });
  const upstream = await startRecordingUpstream(
    answering(wholeStream(preamble + content + event + end)),
  );
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(streamRequest(STREAMS.chat));
  expect(answer.complete).toBe(false);
  const body = answer.body.toString();
  expect(body.startsWith(preamble + content)).toBe(true);
  expect(body).not.toContain('Key limit exceeded');
  expect(body).toMatch(STREAMS.chat.broken);
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['key_limit_reached']);
});
