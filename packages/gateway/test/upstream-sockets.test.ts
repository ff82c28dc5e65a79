import { expect, it } from 'vitest';
import { rawPost, startTestGateway } from './support/gateway.ts';
import {
  chunk,
  chunkedHead,
  response,
  startRecordingUpstream,
} from './support/recording-upstream.ts';

const JSON_TYPE = ['Content-Type: application/json'];
/** More than the buffers of a connection hold. */
const MUCH = 'x'.repeat(16 * 1024 * 1024);
const LARGE = `{"choices":[{"message":{"content":"${MUCH}"}}]}`;
const COMMENT = `${chunkedHead()}${chunk(': OPENROUTER PROCESSING\n\n')}`;
const FAILED = chunk('data: {"error":{"code":502,"message":"x"}}\n\n');

/** First answers, after which the client has the head of a stream, or nothing. */
const FIRST: [what: string, bytes: string][] = [
  ['a comment and an error event', `${COMMENT}${FAILED}0\r\n\r\n`],
  ['a comment and an error event without an end', `${COMMENT}${FAILED}`],
  ['an error event without an end', `${chunkedHead()}${FAILED}`],
  ['a 502 without an end', `HTTP/1.1 502 Bad\r\nContent-Length: 100\r\n\r\nx`],
];

/** Second answers that are no stream. */
const SECOND: [what: string, bytes: string][] = [
  ['a large document', response('200 OK', LARGE, JSON_TYPE)],
  ['a large document in chunks', `${chunkedHead('application/json')}${chunk(LARGE)}0\r\n\r\n`],
  ['a large document without an end', `${chunkedHead('application/json')}${chunk(LARGE)}`],
  ['a small document', response('200 OK', '{"choices":[]}', JSON_TYPE)],
  ['a large page', response('200 OK', MUCH, ['Content-Type: text/html'])],
  ['a large refusal', response('500 No', MUCH, JSON_TYPE)],
  ['a redirect', response('302 Found', MUCH, ['Location: /elsewhere'])],
];

const PAIRS = FIRST.flatMap(([first, one]) =>
  SECOND.map(([second, other]) => [first, second, one, other] as const),
);

it.each(PAIRS)(
  'leaves no connection open after %s and then %s',
  async (_one, _other, ...answers) => {
    const upstream = await startRecordingUpstream(async (connection, index) => {
      await connection.message();
      connection.send(answers[Math.min(index, 1)] ?? '');
    });
    const gateway = await startTestGateway(upstream.url, {
      forwarding: { idleTimeoutMs: 300, maxAttempts: 3 },
    });
    const client = await gateway.connect();
    client.send(rawPost('{"model":"m","stream":true}', ['Connection: close']));
    await client.ended();
    await expect.poll(() => gateway.records.length).toBe(1);
    // A connection that the gateway has forgotten is neither ended nor read to the end of its answer.
    const forgotten = () =>
      upstream.connections.filter(
        ({ state, socket }) => state === 'open' && socket.writableLength > 0,
      );
    await expect.poll(() => forgotten().length).toBe(0);
  },
);
