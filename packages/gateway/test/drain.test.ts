import { expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { statusOf, type Message } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  response,
  startRecordingUpstream,
} from './support/recording-upstream.ts';

const bodyOf = (answer: Message): unknown => JSON.parse(answer.body.toString());

/** A gateway with one stream under way, and its source. */
async function startWithStream(shutdownGraceMs: number) {
  const upstream = await startRecordingUpstream(answering(chunkedHead() + chunk('data: 1\n\n')));
  const gateway = await startTestGateway(upstream.url, { server: { shutdownGraceMs } });
  const client = await gateway.connect();
  client.send(rawPost('{"stream":true}'));
  await client.until('data: 1');
  return { upstream, gateway, client };
}

it('takes no new connection once it drains, closes those that wait, and lets a stream finish', async () => {
  const { upstream, gateway, client } = await startWithStream(10_000);
  const waiting = await gateway.connect();
  waiting.send(rawRequest('GET', '/health/live'));
  await waiting.message();
  const drained = gateway.drain();
  await expect(gateway.connect()).rejects.toThrow('ECONNREFUSED');
  await waiting.ended();
  upstream.connections[0]?.send(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`);
  expect(await client.message()).toMatchObject({ complete: true });
  // Nothing keeps it any longer, least of all the connection of the stream.
  await client.ended();
  await drained;
  expect(gateway.keys.outcomes()).toEqual(['success']);
});

it('says it is shutting down to whoever asks on a connection that is still in use', async () => {
  const { upstream, gateway, client } = await startWithStream(10_000);
  const drained = gateway.drain();
  client.send(rawRequest('GET', '/health/ready'));
  await expect.poll(() => gateway.keys.leases).toBe(1);
  upstream.connections[0]?.send(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`);
  const answer = await client.message(1);
  expect(statusOf(answer)).toBe(503);
  expect(bodyOf(answer)).toEqual({
    status: 'degraded',
    reasons: [expect.stringMatching(/^The gateway is shutting down since .* UTC\.$/)],
  });
  await drained;
});

it('cuts off what is still running when the grace is over, says why, and reports on it', async () => {
  const { upstream, gateway, client } = await startWithStream(100);
  await gateway.drain();
  const answer = await client.message();
  expect(answer.complete).toBe(false);
  expect(answer.body.toString()).toContain('"reason":"shutting_down"');
  expect(gateway.records.map(({ verdict }) => verdict)).toEqual(['truncated']);
  await upstream.connections[0]?.ended();
  expect(gateway.keys.outcomes()).toEqual(['client_abort']);
});

it('delivers to its last byte an answer that was complete before, however slowly it is read', async () => {
  const list = JSON.stringify({ data: [{ id: 'x'.repeat(14 * 1024 * 1024) }] });
  const upstream = await startRecordingUpstream(answering(response('200 OK', list)));
  const gateway = await startTestGateway(upstream.url, { server: { shutdownGraceMs: 10_000 } });
  const client = await gateway.connect();
  client.send(rawRequest('GET', '/v1/models'));
  await client.until('200 OK');
  client.socket.pause();
  const drained = gateway.drain();
  client.socket.resume();
  expect(await client.message()).toMatchObject({ complete: true });
  await drained;
});
