import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawPost, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  response,
  startRecordingUpstream,
} from './support/recording-upstream.ts';

const JSON_TYPE = ['Content-Type: application/json'];
const document = (value: object) => response('200 OK', JSON.stringify(value), JSON_TYPE);
const ANSWER = { id: 'gen-1', choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] };
const FAILED_CHOICE = {
  choices: [
    {
      message: { content: 'Hel' },
      finish_reason: 'error',
      error: { code: 502, message: 'Provider disconnected mid-stream' },
    },
  ],
};

describe('a 200 that is an error', () => {
  it.each<[what: string, error: object, outcome: string]>([
    ['at its top', { error: { code: 502, message: 'x' } }, 'provider_failed'],
    ['in its choice', FAILED_CHOICE, 'provider_failed'],
    [
      'with a word for its code',
      { error: { code: 'server_error', message: 'x' } },
      'provider_failed',
    ],
    [
      'of an overloaded provider',
      { error: { code: 429, message: 'x', metadata: { error_type: 'rate_limit_exceeded' } } },
      'provider_limited',
    ],
    [
      'in Anthropic’s shape',
      { type: 'error', error: { type: 'overloaded_error', message: 'x' } },
      'provider_limited',
    ],
    [
      'of a key that is used up',
      { error: { code: 403, message: 'Key limit exceeded (daily limit)' } },
      'key_limit_reached',
    ],
  ])('%s is answered by another attempt', async (_what, error, outcome) => {
    const upstream = await startRecordingUpstream(answering(document(error), document(ANSWER)));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{"model":"m"}'));
    expect(JSON.parse(answer.body.toString())).toEqual(ANSWER);
    expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['2']);
    await expect.poll(() => gateway.keys.outcomes()).toEqual([outcome, 'success']);
  });

  it('is found in a compressed answer too', async () => {
    const body = gzipSync(JSON.stringify(FAILED_CHOICE));
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
    const failed = Buffer.concat([Buffer.from(head), body]);
    const upstream = await startRecordingUpstream(answering(failed, document(ANSWER)));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{"model":"m"}'));
    expect(JSON.parse(answer.body.toString())).toEqual(ANSWER);
  });

  it.each([
    [400, 'max_tokens is too large', 'caller_error'],
    [403, 'Request blocked: prompt injection patterns detected', 'caller_error'],
    [502, 'Provider returned error', 'provider_failed'],
  ])('is passed on with its own status: %i', async (code, message, outcome) => {
    const error = { error: { code, message } };
    const upstream = await startRecordingUpstream(answering(document(error)));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{"model":"m"}'));
    expect(statusOf(answer)).toBe(code);
    expect(JSON.parse(answer.body.toString())).toEqual(error);
    await expect.poll(() => gateway.keys.outcomes().at(-1)).toBe(outcome);
  });
});

describe('a document', () => {
  it.each([
    ['speaks of errors', { choices: [{ message: { content: '{"error":{"code":502}}' } }] }],
    ['has an empty error', { error: null, choices: [] }],
    ['has an error that is deeper', { choices: [{ message: { error: 'x', content: 'y' } }] }],
  ])('that only %s is passed on as it is', async (_what, answerDocument) => {
    const upstream = await startRecordingUpstream(answering(document(answerDocument)));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{"model":"m"}'));
    expect(answer.body.toString()).toBe(JSON.stringify(answerDocument));
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
  });

  it('too large to hold is passed on as it comes, byte for byte', async () => {
    const piece = '"'.padEnd(100_000, 'x').concat('",');
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead('application/json'));
      connection.send(chunk('['));
      for (let n = 0; n < 30; n += 1) connection.send(chunk(piece));
      connection.send(`${chunk('null]')}0\r\n\r\n`);
    });
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{"model":"m"}'));
    expect(answer).toMatchObject({ complete: true, framing: 'chunked' });
    expect(answer.body.toString()).toBe(`[${piece.repeat(30)}null]`);
  });

  it.each(['reset', 'end', 'silence'] as const)(
    'that breaks off (%s) before it is whole is answered by another attempt',
    async (how) => {
      const upstream = await startRecordingUpstream(async (connection, index) => {
        await connection.message();
        if (index > 0) {
          connection.send(document(ANSWER));
          return;
        }
        connection.send(chunkedHead('application/json') + chunk('{"choices":'));
        if (how === 'reset') setImmediate(() => connection.reset());
        else if (how === 'end') connection.socket.end();
      });
      const idleTimeoutMs = how === 'silence' ? 500 : 60_000;
      const gateway = await startTestGateway(upstream.url, { forwarding: { idleTimeoutMs } });
      const answer = await gateway.send(rawPost('{"model":"m"}'));
      expect(JSON.parse(answer.body.toString())).toEqual(ANSWER);
      await expect.poll(() => gateway.keys.outcomes()).toHaveLength(2);
    },
  );
});
