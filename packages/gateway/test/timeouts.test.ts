import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  OK,
  startRecordingUpstream,
} from './support/recording-upstream.ts';

it('answers 504 when the upstream takes a request and never answers', async () => {
  const upstream = await startRecordingUpstream(() => undefined);
  const gateway = await startTestGateway(upstream.url, { upstream: { firstByteTimeoutMs: 100 } });
  const answer = await gateway.send(rawPost('{}'));
  expect(statusOf(answer)).toBe(504);
  expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { type: 'timeout_error' } });
  await upstream.connections[0]?.ended();
  // Nothing of an answer has reached the client, so it was tried once more.
  expect(upstream.requests()).toHaveLength(2);
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['timeout', 'timeout']);
});

it('leaves other streams alone when one times out', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    const { body } = await connection.message();
    if (body.toString() === 'stream') connection.send(chunkedHead() + chunk('data: 1\n\n'));
  });
  const gateway = await startTestGateway(upstream.url, { upstream: { firstByteTimeoutMs: 1_000 } });
  const stream = await gateway.connect();
  stream.send(rawPost('stream'));
  await stream.until('data: 1');
  expect(statusOf(await gateway.send(rawPost('silence')))).toBe(504);
  upstream.connections[0]?.send(chunk('data: [DONE]\n\n') + '0\r\n\r\n');
  expect(await stream.message()).toMatchObject({ complete: true });
});

it('answers 504 when a TLS handshake with the upstream does not come to an end', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const gateway = await startTestGateway(`https://127.0.0.1:${port}/api/v1`, {
    upstream: { connectTimeoutMs: 100 },
  });
  const answer = await gateway.send(rawPost('{}'));
  expect(statusOf(answer)).toBe(504);
  expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['3']);
});

it('answers 504 at the deadline of the request, attempts and waiting included', async () => {
  const upstream = await startRecordingUpstream(() => undefined);
  const gateway = await startTestGateway(upstream.url, { forwarding: { deadlineMs: 100 } });
  const answer = await gateway.send(rawPost('{}'));
  expect(statusOf(answer)).toBe(504);
  expect(answer.body.toString()).toContain('within 100 ms');
});

it('lets a stream go on beyond the deadline as long as it is not silent', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(chunkedHead());
    for (let i = 0; i < 10; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      connection.send(chunk(`data: ${i}\n\n`));
    }
    connection.send(chunk('data: [DONE]\n\n') + '0\r\n\r\n');
  });
  const gateway = await startTestGateway(upstream.url, {
    forwarding: { deadlineMs: 1_000 },
  });
  const answer = await gateway.send(rawPost('{}'));
  expect(answer).toMatchObject({ complete: true });
  expect(answer.body.toString()).toContain('data: 9');
});

it('answers 408 once, and closes, when a body falls silent', async () => {
  const upstream = await startRecordingUpstream(() => undefined);
  const gateway = await startTestGateway(upstream.url, { limits: { bodyTimeout: 100 } });
  const client = await gateway.connect();
  client.send(rawRequest('POST', '/v1/responses', ['Content-Length: 100'], 'abc'));
  await client.ended();
  expect(client.received).toMatch(/^HTTP\/1.1 408 /);
  expect(client.received.match(/HTTP\/1.1 /g)).toHaveLength(1);
  await upstream.connections[0]?.ended();
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
});

it('answers 408 once when a body comes byte by byte for too long', async () => {
  const upstream = await startRecordingUpstream(() => undefined);
  const gateway = await startTestGateway(upstream.url, {
    limits: { headersTimeout: 200, requestTimeout: 200, connectionsCheckingInterval: 20 },
  });
  const client = await gateway.connect();
  client.send(rawRequest('POST', '/v1/responses', ['Content-Length: 10000'], 'abc'));
  const drip = setInterval(() => client.send('x'), 20);
  onTestFinished(() => clearInterval(drip));
  await client.ended();
  expect(client.received).toMatch(/^HTTP\/1.1 408 /);
  expect(client.received.match(/HTTP\/1.1 /g)).toHaveLength(1);
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
});

it('adds nothing after a completed answer when the rest of a body never comes', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url, {
    limits: { headersTimeout: 200, requestTimeout: 200, connectionsCheckingInterval: 20 },
  });
  const client = await gateway.connect();
  client.send('POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc');
  await client.ended();
  expect(client.received).toMatch(/^HTTP\/1.1 401 /);
  expect(client.received.match(/HTTP\/1.1 /g)).toHaveLength(1);
});

it('closes 200 connections that send their heads byte by byte, and serves others meanwhile', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url, {
    limits: { headersTimeout: 500, connectionsCheckingInterval: 50 },
  });
  const slow = await Promise.all(Array.from({ length: 200 }, () => gateway.connect()));
  const drip = setInterval(() => {
    for (const { socket } of slow) if (socket.writable) socket.write('X');
  }, 50);
  onTestFinished(() => clearInterval(drip));
  for (const { socket } of slow) socket.write('GET /v1/datasets/session-cost HTTP/1.1\r\nX-A: ');
  for (let turn = 0; turn < 20; turn += 1) {
    expect(statusOf(await gateway.send(rawPost('{}')))).toBe(200);
  }
  await Promise.all(slow.map((client) => client.ended()));
  expect(slow.filter(({ received }) => !received.startsWith('HTTP/1.1 408 '))).toEqual([]);
});
