import { expect, it } from 'vitest';
import { rawPost, startTestGateway } from './support/gateway.ts';
import { statusOf } from './support/http-message.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

const refusal = (status: string, error: object) => response(status, JSON.stringify({ error }));
const POLICY = refusal('404 Not Found', {
  code: 404,
  message: 'No endpoints found matching your data policy (1)',
});
const SHORT = refusal('402 Payment Required', {
  code: 402,
  message: 'You requested up to 64000 tokens, but can only afford 12345',
});
const BROKE = refusal('402 Payment Required', { code: 402, message: 'Insufficient credits' });

const EXHAUSTED = { reason: 'exhausted', retryAfterMs: null } as const;

/** An upstream that gives these answers in turn, and the last of them from then on. */
async function answeringInTurn(answers: readonly string[]) {
  const upstream = await startRecordingUpstream(answering(...answers));
  return { upstream, asked: () => upstream.requests().length };
}

it('a model that one account shuts out is asked for under another account', async () => {
  const { upstream } = await answeringInTurn([POLICY, OK]);
  const gateway = await startTestGateway(upstream.url);
  expect(statusOf(await gateway.send(rawPost('{"model":"a/b"}')))).toBe(200);
  const [, second] = gateway.keys.acquires;
  expect(second?.exclude).toEqual(['000000000000']);
  expect(second?.excludeAccountsOf).toEqual(['000000000000']);
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['account_policy', 'success']);
});

it('the first refusal reaches the client when every account shuts the model out', async () => {
  const others = POLICY.replace('(1)', '(2)');
  const { upstream, asked } = await answeringInTurn([POLICY, others]);
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.noKey = EXHAUSTED;
  const answer = await gateway.send(rawPost('{"model":"a/b"}'));
  expect(statusOf(answer)).toBe(404);
  expect(answer.body.toString()).toContain('(1)');
  expect(asked()).toBe(3);
});

it('the first refusal reaches the client when the key of the other account is refused', async () => {
  const unknown = refusal('401 Unauthorized', { code: 401, message: 'User not found.' });
  const { upstream } = await answeringInTurn([POLICY, unknown]);
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.noKey = EXHAUSTED;
  const answer = await gateway.send(rawPost('{"model":"a/b"}'));
  expect(statusOf(answer)).toBe(404);
  expect(answer.body.toString()).toContain('(1)');
});

it('a request that narrows the providers itself is not held against the account', async () => {
  const { upstream } = await answeringInTurn([POLICY, OK]);
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(rawPost('{"model":"a/b","provider":{"only":["x"]}}'));
  await expect.poll(() => gateway.keys.reports).toHaveLength(2);
  expect(gateway.keys.reports[0]?.outcome).toMatchObject({
    kind: 'account_policy',
    isNarrowed: true,
  });
});

it('a request that is too dear is sent under keys of three accounts at most', async () => {
  const { upstream, asked } = await answeringInTurn([SHORT]);
  const secrets = Array.from({ length: 12 }, (_, n) => `sk-or-v1-${`${n}`.padStart(64, 'a')}`);
  const gateway = await startTestGateway(upstream.url, { secrets });
  const answer = await gateway.send(rawPost('{"model":"a/b"}'));
  expect(statusOf(answer)).toBe(402);
  expect(asked()).toBe(3);
});

it('what a free request adds is blamed on the request, not on the account', async () => {
  const { upstream, asked } = await answeringInTurn([BROKE]);
  const secrets = Array.from({ length: 12 }, (_, n) => `sk-or-v1-${`${n}`.padStart(64, 'a')}`);
  const gateway = await startTestGateway(upstream.url, { secrets });
  const body = '{"model":"a/b:free","plugins":[{"id":"web"}]}';
  expect(statusOf(await gateway.send(rawPost(body)))).toBe(402);
  expect(asked()).toBe(3);
  await expect.poll(() => gateway.keys.outcomes()).toEqual(Array(3).fill('credits_short'));
});

it('a caller’s mistake stays one attempt', async () => {
  const invalid = refusal('400 Bad Request', { code: 400, message: 'a is not a valid model ID' });
  const { upstream, asked } = await answeringInTurn([invalid]);
  const gateway = await startTestGateway(upstream.url);
  expect(statusOf(await gateway.send(rawPost('{"model":"a"}')))).toBe(400);
  expect(asked()).toBe(1);
});
