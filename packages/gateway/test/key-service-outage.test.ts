import { expect, it } from 'vitest';
import { rawPost, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  OK,
  startRecordingUpstream,
} from './support/recording-upstream.ts';

it('says when to come back while every key cools, without asking the upstream', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.secrets = [];
  gateway.keys.noKey = { reason: 'cooling', retryAfterMs: 6_001 };
  const answer = await gateway.send(rawPost('{}'));
  expect(statusOf(answer)).toBe(429);
  expect(headerLines(answer, 'retry-after')).toEqual(['7']);
  expect(JSON.parse(answer.body.toString())).toMatchObject({
    error: { code: 429, metadata: { retry_after_ms: 6_001 } },
  });
  expect(upstream.connections).toHaveLength(0);
});

it('names no time where waiting does not help', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.secrets = [];
  gateway.keys.noKey = { reason: 'disabled', retryAfterMs: null };
  const answer = await gateway.send(rawPost('{}'));
  expect(statusOf(answer)).toBe(503);
  expect(headerLines(answer, 'retry-after')).toEqual([]);
});

it('serves requests that wait once the killed key service is back', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  await gateway.keys.kill();
  const clients = await Promise.all(Array.from({ length: 50 }, () => gateway.connect()));
  for (const client of clients) client.send(rawPost('{}'));
  const answers = Promise.all(clients.map((client) => client.message()));
  await gateway.keys.restart();
  expect((await answers).map(statusOf)).toEqual(Array(50).fill(200));
  await expect.poll(() => gateway.keys.outcomes()).toEqual(Array(50).fill('success'));
});

it('serves requests whose lease was under way when the key service was killed', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.mayLease = new Promise(() => undefined);
  const answers = Promise.all(Array.from({ length: 50 }, () => gateway.send(rawPost('{}'))));
  await expect.poll(() => gateway.keys.asked).toBe(50);
  await gateway.keys.kill();
  gateway.keys.mayLease = Promise.resolve();
  await gateway.keys.restart();
  expect((await answers).map(statusOf)).toEqual(Array(50).fill(200));
});

it('answers 503 with Retry-After when the key service does not come back', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  await gateway.keys.kill();
  const answers = await Promise.all(Array.from({ length: 50 }, () => gateway.send(rawPost('{}'))));
  expect(answers.map(statusOf)).toEqual(Array(50).fill(503));
  expect(answers.map((answer) => headerLines(answer, 'retry-after'))).toEqual(
    Array(50).fill(['1']),
  );
  expect(upstream.connections).toHaveLength(0);
});

it('answers 503 when the key service takes connections and says nothing', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  await gateway.keys.fallSilent();
  expect(statusOf(await gateway.send(rawPost('{}')))).toBe(503);
});

it('hands back, unused, a lease that comes after its request was given up', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(rawPost('{}'));
  const mayLease = Promise.withResolvers<undefined>();
  gateway.keys.mayLease = mayLease.promise;
  const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.send(rawPost('{}'))));
  expect(answers.map(statusOf)).toEqual(Array(20).fill(503));
  mayLease.resolve(undefined);
  await expect
    .poll(() => gateway.keys.outcomes())
    .toEqual(['success', ...Array<string>(20).fill('unused')]);
  expect(upstream.requests()).toHaveLength(1);
});

it('goes on with a stream while the key service is away, and reports on it afterwards', async () => {
  const upstream = await startRecordingUpstream(answering(chunkedHead() + chunk('data: 1\n\n')));
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawPost('{"stream":true}'));
  await client.until('data: 1');
  await gateway.keys.kill();
  upstream.connections[0]?.send(chunk('data: [DONE]\n\n') + '0\r\n\r\n');
  expect(await client.message()).toMatchObject({ complete: true });
  await gateway.keys.restart();
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
});

it('tells of refused requests under the same name when the answer is lost, so that they count once', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.mayRecord = new Promise(() => undefined);
  const answer = await gateway.send(rawPost('{}').replace(/Bearer .*/, 'Bearer wrong'));
  expect(statusOf(answer)).toBe(401);
  await expect.poll(() => gateway.keys.recorded.length).toBeGreaterThan(1);
  const [first, again] = gateway.keys.recorded;
  expect(first?.unauthorized).toBe(1);
  expect(again).toEqual(first);
});
