import { expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

it('uses a connection to the upstream again', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  for (let turn = 0; turn < 5; turn += 1) await gateway.send(rawPost('{}'));
  expect(upstream.connections).toHaveLength(1);
});

it('sends a request again, once, when a kept connection turns out to be closed', async () => {
  const upstream = await startRecordingUpstream(async (connection, index) => {
    await connection.message();
    connection.send(OK);
    if (index > 0) return;
    await connection.message(1);
    connection.reset();
  });
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(rawPost('one'));
  const answer = await gateway.send(rawPost('two'));
  expect(statusOf(answer)).toBe(200);
  expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['2']);
  expect(upstream.requests().map(({ body }) => body.toString())).toEqual(['one', 'two', 'two']);
  await expect
    .poll(() => gateway.keys.outcomes())
    .toEqual(['success', 'connection_failed', 'success']);
});

it('sends nothing again that might be done twice, such as a video job', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(OK);
    await connection.message(1);
    connection.reset();
  });
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(rawPost('{}'));
  const headers = ['Content-Type: application/json', 'Content-Length: 2'];
  const answer = await gateway.send(`${rawRequest('POST', '/api/v1/videos', headers)}{}`);
  expect(statusOf(answer)).toBe(502);
  expect(upstream.requests()).toHaveLength(2);
});

it('sends it again on a new connection: where one kept connection is dead, others are too', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    await expect.poll(() => upstream.connections.length).toBeGreaterThanOrEqual(5);
    connection.send(OK);
    await connection.message(1);
    connection.reset();
  });
  const gateway = await startTestGateway(upstream.url);
  await Promise.all(Array.from({ length: 5 }, () => gateway.send(rawPost('{}'))));
  expect(upstream.connections).toHaveLength(5);
  expect(statusOf(await gateway.send(rawPost('{}')))).toBe(200);
  expect(upstream.connections).toHaveLength(6);
});

it.each([
  ['a part of a response', 'HTTP/1.1 200 OK\r\nContent-'],
  ['what is no response', 'garbage\r\n\r\n'],
])('sends a request again after %s on a kept connection: %j', async (_what, bytes) => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(OK);
    await connection.message(1);
    connection.socket.end(bytes);
  });
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(rawPost('one'));
  expect(statusOf(await gateway.send(rawPost('two')))).toBe(200);
  const bodies = upstream.requests().map(({ body }) => body.toString());
  expect(bodies).toEqual(['one', 'two', 'two']);
});

it('does not take an upstream that is slow on a kept connection for dead', async () => {
  const advertising = response('200 OK', '{}', ['Connection: keep-alive', 'Keep-Alive: timeout=2']);
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(advertising);
    await connection.message(1);
    // Longer than the connection would be kept for without a request.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    connection.send(advertising);
  });
  const gateway = await startTestGateway(upstream.url, {
    upstream: { firstByteTimeoutMs: 10_000 },
  });
  await gateway.send(rawPost('{}'));
  expect(statusOf(await gateway.send(rawPost('{}')))).toBe(200);
  expect(upstream.connections).toHaveLength(1);
});

it('shows no client that the upstream closes kept connections just as they are used', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    for (let index = 0; (await connection.message(index)).complete; index += 1) {
      connection.send(OK);
      setTimeout(() => connection.socket.end(), Math.random() * 3);
    }
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  for (let turn = 0; turn < 300; turn += 1) {
    client.send(rawPost('{}'));
    expect(statusOf(await client.message(turn))).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
  }
});
