import { expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { statusOf } from './support/http-message.ts';
import { answering, response, startRecordingUpstream } from './support/recording-upstream.ts';

const JSON_TYPE = ['Content-Type: application/json'];

const answerWith = (usage: string) =>
  response('200 OK', `{"id":"gen-1","choices":[],"usage":${usage}}`, JSON_TYPE);

const ORDINARY = '{"prompt_tokens":3,"completion_tokens":4,"cost":0.5}';

it.each([
  ['infinite', '{"prompt_tokens":1e999,"completion_tokens":1e999,"cost":1e999}', 1e12],
  ['far too large', '{"prompt_tokens":1e300,"completion_tokens":1e300,"cost":1e308}', 1e12],
  [
    'the largest integers',
    `{"prompt_tokens":9007199254740991,"completion_tokens":9007199254740992,"cost":9e15}`,
    1e12,
  ],
  ['negative', '{"prompt_tokens":-5,"completion_tokens":-1e999,"cost":-0.5}', 0],
])('usage numbers that are %s are clamped', async (_what, usage, expected) => {
  const upstream = await startRecordingUpstream(answering(answerWith(usage), answerWith(ORDINARY)));
  const gateway = await startTestGateway(upstream.url);
  expect(statusOf(await gateway.send(rawPost('{"model":"m"}')))).toBe(200);
  const [sent, received, cost] = [expected, expected, expected];
  await expect
    .poll(() => gateway.keys.reports[0]?.usage)
    .toEqual({ sent, received, cost, cached: 0, reasoning: 0 });
  expect(statusOf(await gateway.send(rawPost('{"model":"m"}')))).toBe(200);
  const metrics = await gateway.send(rawRequest('GET', '/metrics/raw'));
  expect(statusOf(metrics)).toBe(200);
  expect(metrics.body.toString()).toContain(`openrouter_tokens_sent_total ${String(expected + 3)}`);
  await expect
    .poll(() => gateway.keys.recorded.flatMap(({ requests }) => requests))
    .toHaveLength(2);
});

it('a fraction of a token is no token', async () => {
  const usage = '{"prompt_tokens":2.9,"completion_tokens":0.5,"cost":0.25}';
  const upstream = await startRecordingUpstream(answering(answerWith(usage)));
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(rawPost('{"model":"m"}'));
  await expect
    .poll(() => gateway.keys.reports[0]?.usage)
    .toEqual({ sent: 2, received: 0, cached: 0, reasoning: 0, cost: 0.25 });
});

it('a report that the key service refuses is sent again without its usage', async () => {
  const upstream = await startRecordingUpstream(answering(answerWith(ORDINARY)));
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.refuses.report = ({ usage }) => usage !== undefined && usage !== null;
  await gateway.send(rawPost('{"model":"m"}'));
  await expect
    .poll(() => gateway.keys.reports)
    .toMatchObject([{ outcome: { kind: 'success' }, usage: null }]);
});

it('a report that the key service refuses without its usage too still gives the key back', async () => {
  const upstream = await startRecordingUpstream(answering(answerWith(ORDINARY)));
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.refuses.report = ({ outcome }) => outcome.kind === 'success';
  await gateway.send(rawPost('{"model":"m"}'));
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
  const warnings = gateway.log.filter(({ message }) => message === 'a lease could not be reported');
  expect(warnings).toHaveLength(2);
});

it('one request that the key service cannot record takes no other with it', async () => {
  const upstream = await startRecordingUpstream(answering(answerWith(ORDINARY)));
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.refuses.record = ({ requests }) => requests.some((end) => end?.requestId === 'bad');
  const ids = ['a', 'b', 'c', 'bad', 'd', 'e', 'f'];
  const send = (id: string) => gateway.send(rawPost('{"model":"m"}', [`X-Request-ID: ${id}`]));
  await Promise.all(ids.map(send));
  const recorded = () => gateway.keys.recorded.flatMap(({ requests }) => requests);
  await expect
    .poll(() =>
      recorded()
        .map((end) => end?.requestId)
        .sort(),
    )
    .toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  await expect
    .poll(() => gateway.log.filter(({ message }) => message === 'requests could not be recorded'))
    .toMatchObject([{ fields: { requests: 1, requestId: 'bad' } }]);
});
