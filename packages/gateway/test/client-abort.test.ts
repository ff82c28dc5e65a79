import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { rawPost, rawRequest, startTestGateway, type GatewayUnderTest } from './support/gateway.ts';
import {
  answering,
  chunk,
  chunkedHead,
  OK,
  startRecordingUpstream,
  TOO_MANY,
} from './support/recording-upstream.ts';

const noErrorLogged = ({ log }: GatewayUnderTest) =>
  log.filter(({ level }) => level === 'ERROR' || level === 'CRITICAL' || level === 'WARNING');

/** A server that is connected to and never takes part: its queue of connections is full. */
async function startUnreachable(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`;
}

describe.each(['reset', 'end'] as const)('a client that goes away by %s', (how) => {
  const leave = (client: Awaited<ReturnType<GatewayUnderTest['connect']>>) => {
    if (how === 'reset') client.reset();
    else client.socket.destroy();
  };

  it('while it waits for a lease: none is used', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url);
    const mayLease = Promise.withResolvers<undefined>();
    gateway.keys.mayLease = mayLease.promise;
    const client = await gateway.connect();
    client.send(rawPost('{}'));
    await expect.poll(() => gateway.keys.asked).toBe(1);
    leave(client);
    await expect.poll(() => gateway.records).toHaveLength(1);
    mayLease.resolve(undefined);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['unused']);
    expect(upstream.connections).toHaveLength(0);
    expect(noErrorLogged(gateway)).toEqual([]);
  });

  it('while the connection to the upstream is being made', async () => {
    const gateway = await startTestGateway(await startUnreachable());
    const client = await gateway.connect();
    client.send(rawPost('{}'));
    await expect.poll(() => gateway.keys.leases).toBe(1);
    leave(client);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
    expect(noErrorLogged(gateway)).toEqual([]);
  });

  it('while it waits for the head of the answer', async () => {
    const upstream = await startRecordingUpstream(() => undefined);
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawPost('{}'));
    await expect.poll(() => upstream.requests()).toHaveLength(1);
    leave(client);
    await upstream.connections[0]?.ended();
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
    expect(gateway.keys.reports[0]?.outcome).toHaveProperty('silentMs');
    expect(noErrorLogged(gateway)).toEqual([]);
  });

  it('while it sends its body', async () => {
    const upstream = await startRecordingUpstream(() => undefined);
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawRequest('POST', '/v1/responses', ['Content-Length: 100'], 'a part'));
    await expect.poll(() => upstream.received()).toContain('a part');
    leave(client);
    await upstream.connections[0]?.ended();
    expect(upstream.requests()).toHaveLength(0);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
  });

  it('while nothing but comments has come', async () => {
    const upstream = await startRecordingUpstream(
      answering(chunkedHead() + chunk(': OPENROUTER PROCESSING\n\n')),
    );
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawPost('{"stream":true}'));
    await client.until('PROCESSING');
    leave(client);
    await upstream.connections[0]?.ended();
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
    expect(gateway.records[0]).toMatchObject({ verdict: 'client_abort', failure: null });
    expect(noErrorLogged(gateway)).toEqual([]);
  });

  it('in the middle of a stream', async () => {
    const upstream = await startRecordingUpstream(
      answering(chunkedHead() + chunk('data: {"choices":[{"delta":{"content":"a"}}]}\n\n')),
    );
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawPost('{"stream":true}'));
    await client.until('content');
    leave(client);
    await upstream.connections[0]?.ended();
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
    expect(gateway.records[0]?.verdict).toBe('client_abort');
    expect(noErrorLogged(gateway)).toEqual([]);
  });

  it('in the middle of a stream it does not read', async () => {
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead());
      const piece = chunk('x'.repeat(65_536));
      for (let i = 0; i < 400; i += 1) connection.send(piece);
    });
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawPost('{"stream":true}'));
    await client.until('200 OK');
    client.socket.pause();
    await expect.poll(() => upstream.connections[0]?.socket.writableLength).toBeGreaterThan(65_536);
    leave(client);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
  });
});

it('makes no further attempt for a client that went away', async () => {
  const upstream = await startRecordingUpstream(async (connection, index) => {
    await connection.message();
    if (index > 0) return;
    client.reset();
    await expect.poll(() => gateway.records).toHaveLength(1);
    connection.send(TOO_MANY);
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawPost('{}'));
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
  expect(gateway.keys.leases).toBe(1);
});

it('cancels upstream, and reports the lease, every time', async () => {
  const upstream = await startRecordingUpstream(answering(chunkedHead() + chunk(': wait\n\n')));
  const gateway = await startTestGateway(upstream.url);
  for (let turn = 0; turn < 100; turn += 1) {
    const client = await gateway.connect();
    client.send(rawPost('{"stream":true}'));
    await client.until(': wait');
    client.reset();
    await upstream.connections[turn]?.ended();
  }
  await expect.poll(() => gateway.keys.outcomes()).toEqual(Array(100).fill('client_abort'));
});
