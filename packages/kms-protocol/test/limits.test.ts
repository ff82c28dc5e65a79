import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ERROR_CODE } from '../src/error-code.ts';
import { connectInMemory } from '../src/in-memory.ts';
import type { KmsServer } from '../src/server.ts';
import { listenOnUnixSocket } from '../src/unix-socket.ts';
import { helloLine, openPeer, rawPeer, request, temporaryFolder, testServer } from './support.ts';

const codeOf = (line: string | undefined) =>
  (JSON.parse(line ?? '{}') as { error?: { code: number } }).error?.code;

/** A way to a server over a real socket. */
async function overSocket(server: KmsServer): Promise<() => Socket> {
  const path = join(temporaryFolder(), 'kms.sock');
  const listener = await listenOnUnixSocket(path, server.accept, () => undefined);
  onTestFinished(() => listener.close());
  return () => connect(path);
}

describe('connections', () => {
  test('beyond the limit are told so and closed', async () => {
    const server = testServer({ limits: { connections: 2 } });
    const first = await openPeer(server, 'gateway');
    await openPeer(server, 'gateway');
    const third = rawPeer(await connectInMemory(server));
    expect((await third.rest()).map(codeOf)).toEqual([ERROR_CODE.UNAVAILABLE]);
    first.send(request(1, 'service.ping'));
    expect(await first.next()).toContain('pong');
  });

  test('that are closed make room', async () => {
    const gone = Promise.withResolvers<undefined>();
    const onSessionEnd = () => gone.resolve(undefined);
    const server = testServer({ limits: { connections: 1 }, onSessionEnd });
    const first = await openPeer(server, 'gateway');
    first.stream.destroy();
    await gone.promise;
    await openPeer(server, 'operator');
  });

  test('that say nothing keep nobody out', async () => {
    const server = testServer({ limits: { connections: 2 } });
    await openPeer(server, 'gateway');
    const silent = await Promise.all(Array.from({ length: 50 }, () => connectInMemory(server)));
    const operator = await openPeer(server, 'operator');
    operator.send(request(1, 'service.ping'));
    expect(await operator.next()).toContain('pong');
    for (const stream of silent) stream.destroy();
  });
});

describe('time', () => {
  test('without a hello runs out', async () => {
    const server = testServer({ limits: { helloMs: 20 } });
    const peer = rawPeer(await connectInMemory(server));
    expect((await peer.rest()).map(codeOf)).toEqual([ERROR_CODE.HELLO_REQUIRED]);
  });

  test('for a line that has begun runs out, also if it goes on growing', async () => {
    const server = testServer({ limits: { lineMs: 50 } });
    const peer = await openPeer(server, 'gateway');
    const drip = setInterval(() => peer.stream.write('x'), 10);
    expect((await peer.rest()).map(codeOf)).toEqual([ERROR_CODE.INVALID_REQUEST]);
    clearInterval(drip);
  });

  test('for a line begins anew with each line', async () => {
    const server = testServer({ limits: { lineMs: 1_000 } });
    const peer = await openPeer(server, 'gateway');
    const line = request(1, 'service.ping');
    const [head, tail] = [line.slice(0, 9), line.slice(9)];
    const began = performance.now();
    peer.stream.write(head);
    while (performance.now() - began < 1_200) {
      peer.stream.write(`${tail}\n${head}`);
      expect(await peer.next()).toContain('pong');
      await sleep(5);
    }
  });

  test('after the last word runs out for a far side that does not hang up', async () => {
    const [near, far] = duplexPair();
    testServer().accept(far);
    near.write('[]\n');
    await once(far, 'close');
  });

  test('between lines does not run', async () => {
    const server = testServer({ limits: { lineMs: 200 } });
    const peer = await openPeer(server, 'gateway');
    const [one, two] = [request(1, 'service.ping'), request(2, 'service.ping')];
    peer.stream.write(`${one}\n${two.slice(0, 9)}`);
    peer.stream.write(`${two.slice(9)}\n`);
    await peer.next();
    await peer.next();
    // Another line, begun after these had ended, is timed out by now.
    const other = await openPeer(server, 'gateway');
    other.stream.write('x');
    await other.rest();
    peer.send(request(3, 'service.ping'));
    expect(await peer.next()).toContain('"id":3');
  });
});

describe('requests under way', () => {
  const server = (gate: Promise<{ pong: true }>, inFlight: number) =>
    testServer({ handlers: { 'service.ping': () => gate }, limits: { inFlight } });

  test('beyond the limit are refused, and the others answered', async () => {
    const gate = Promise.withResolvers<{ pong: true }>();
    const peer = await openPeer(server(gate.promise, 2), 'gateway');
    peer.send(...[1, 2, 3].map((id) => request(id, 'service.ping')));
    const refused = await peer.next();
    expect(refused).toContain('"id":3');
    expect(codeOf(refused)).toBe(ERROR_CODE.TOO_MANY_IN_FLIGHT);
    gate.resolve({ pong: true });
    expect(await peer.next()).toContain('"id":1');
    expect(await peer.next()).toContain('"id":2');
    peer.send(request(4, 'service.ping'));
    expect(await peer.next()).toContain('"id":4');
  });

  test('in a batch count one by one', async () => {
    const gate = Promise.withResolvers<{ pong: true }>();
    const peer = await openPeer(server(gate.promise, 2), 'gateway');
    peer.send(`[${[1, 2, 3].map((id) => request(id, 'service.ping')).join(',')}]`);
    gate.resolve({ pong: true });
    const replies = JSON.parse((await peer.next()) ?? '') as { error?: unknown }[];
    expect(replies.map(({ error }) => error !== undefined)).toEqual([false, false, true]);
  });

  test('are answered when the server stops, and nothing after them', async () => {
    const gate = Promise.withResolvers<{ pong: true }>();
    const running = server(gate.promise, 2);
    const peer = await openPeer(running, 'gateway');
    peer.send(request(1, 'service.ping'));
    peer.send(request(2, 'service.status'));
    await peer.next();
    const stopped = running.stop();
    peer.send(request(3, 'service.status'));
    gate.resolve({ pong: true });
    expect(await peer.rest()).toEqual(['{"jsonrpc":"2.0","id":1,"result":{"pong":true}}']);
    await stopped;
  });

  test('that never end do not keep the server from stopping', async () => {
    const never = testServer({
      handlers: { 'service.ping': () => new Promise(() => undefined) },
      limits: { stopMs: 10 },
    });
    const peer = await openPeer(never, 'gateway');
    peer.send(request(1, 'service.ping'), request(2, 'service.status'));
    await peer.next();
    await never.stop();
    expect(await peer.rest()).toEqual([]);
  });
});

describe('a far side that does not read', () => {
  const bigView = 'x'.repeat(100_000);
  const big = () => ({
    version: bigView,
    startedAt: 0,
    health: { level: 'ok' as const, causes: [], lastAnswerAt: null },
    keys: { available: 1, cooling: 0, refused: 0, disabled: 0 },
    nextAvailableAt: null,
    leasesInFlight: 0,
    waiting: 0,
    sharedAccounts: [],
    limits: [],
    store: { backend: 'memory', healthy: true, trouble: null, machines: [] },
    process: { cpuSeconds: 0, residentBytes: 0 },
  });

  test('is no longer read from, and given up after a while', async () => {
    const requests = 100_000;
    let served = 0;
    const gone = Promise.withResolvers<undefined>();
    const server = testServer({
      handlers: {
        'service.ping': () => {
          served += 1;
          return { pong: true };
        },
      },
      limits: { stallMs: 50 },
      onSessionEnd: () => gone.resolve(undefined),
    });
    const socket = (await overSocket(server))();
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined).pause();
    socket.write(`${helloLine('gateway')}\n`);
    for (let id = 0; id < requests; id += 1) socket.write(`${request(id, 'service.ping')}\n`);
    await gone.promise;
    // Some answers fit into buffers on the way; most requests are never looked at.
    expect(served).toBeLessThan(requests / 2);
  });

  test('is given up when more waits for it than may', async () => {
    const gate = Promise.withResolvers<ReturnType<typeof big>>();
    const gone = Promise.withResolvers<undefined>();
    const server = testServer({
      handlers: { 'service.status': () => gate.promise },
      onSessionEnd: () => gone.resolve(undefined),
    });
    const socket = (await overSocket(server))();
    onTestFinished(() => void socket.destroy());
    const peer = rawPeer(socket);
    peer.send(helloLine('gateway'));
    await peer.next();
    socket.pause();
    for (let id = 0; id < 100; id += 1) peer.send(request(id, 'service.status'));
    peer.send(request('last', 'service.ping'));
    gate.resolve(big());
    await gone.promise;
  });

  test('while it sends gets everything once it reads', async () => {
    const connectTo = await overSocket(testServer());
    const peer = rawPeer(connectTo());
    const count = 20_000;
    peer.send(helloLine('operator'));
    const lines = Array.from({ length: count }, (_, id) => request(id, 'keys.list'));
    peer.send(...lines);
    await peer.next();
    for (let id = 0; id < count; id += 1) expect(await peer.next()).toContain(`"id":${id},`);
  });
});
