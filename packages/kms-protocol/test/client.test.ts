import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  KmsClient,
  type ClientState,
  type KmsClientOptions,
  type LateResult,
} from '../src/client.ts';
import type { HeldLease } from '../src/contract.ts';
import type { Handlers } from '../src/handlers.ts';
import { connectInMemory } from '../src/in-memory.ts';
import { KmsError } from '../src/kms-error.ts';
import type { KmsServer } from '../src/server.ts';
import type { Opened } from '../src/server-connection.ts';
import { connectToUnixSocket, listenOnUnixSocket } from '../src/unix-socket.ts';
import { LEASE_ID, PARAMS, TOKENS, temporaryFolder, testServer } from './support.ts';

function testClient(options: Partial<KmsClientOptions> & Pick<KmsClientOptions, 'connect'>) {
  const client = new KmsClient({ role: 'gateway', token: TOKENS.gateway, ...options });
  onTestFinished(() => client.close());
  return client;
}

const clientOf = (server: KmsServer, options: Partial<KmsClientOptions> = {}) =>
  testClient({ connect: () => connectInMemory(server), ...options });

/** What a call fails with. */
async function failureOf(call: Promise<unknown>): Promise<KmsError> {
  const error: unknown = await call.then(
    () => new Error('it did not fail'),
    (caught: unknown) => caught,
  );
  if (error instanceof KmsError) return error as KmsError;
  throw error;
}

/** A handler that waits until it is told. */
function gatedPing() {
  const gate = Promise.withResolvers<{ pong: true }>();
  const asked = Promise.withResolvers<undefined>();
  const handlers: Partial<Handlers> = {
    'service.ping': () => {
      asked.resolve(undefined);
      return gate.promise;
    },
  };
  return { handlers, asked: asked.promise, open: () => gate.resolve({ pong: true }) };
}

describe('a call', () => {
  test('brings what the handler answers, over a real socket', async () => {
    const path = join(temporaryFolder(), 'kms.sock');
    const server = testServer();
    const listener = await listenOnUnixSocket(path, server.accept, () => undefined);
    onTestFinished(() => listener.close());
    const client = testClient({ connect: () => connectToUnixSocket(path) });
    const lease = await client.call('lease.acquire', PARAMS['lease.acquire']);
    expect(lease.leaseId).toBe(LEASE_ID);
    expect(await client.call('service.ping', undefined)).toEqual({ pong: true });
  });

  test('fails with what the service refuses', async () => {
    const data = { reason: 'cooling', retryAfterMs: 7 } as const;
    const refuse = () => {
      throw new KmsError('NO_KEY_AVAILABLE', 'Every key cools.', { data });
    };
    const client = clientOf(testServer({ handlers: { 'lease.acquire': refuse } }));
    const error = await failureOf(client.call('lease.acquire', PARAMS['lease.acquire']));
    expect(KmsError.is(error, 'NO_KEY_AVAILABLE') && error.data).toEqual(data);
  });

  test('fails if the answer is not what the contract says, and does not repeat it', async () => {
    // A service of another version.
    const odd = () => ({ leaseId: LEASE_ID, secret: { canary: 1 } }) as never;
    const client = clientOf(testServer({ handlers: { 'lease.acquire': odd } }));
    const error = await failureOf(client.call('lease.acquire', PARAMS['lease.acquire']));
    expect(error.code).toBe('INTERNAL_ERROR');
    expect(String(error.cause)).not.toContain('canary');
  });

  test('fails at its deadline', async () => {
    const { handlers } = gatedPing();
    const client = clientOf(testServer({ handlers, limits: { stopMs: 0 } }));
    const error = await failureOf(client.call('service.ping', {}, { timeoutMs: 10 }));
    expect([error.code, error.message]).toEqual([
      'UNAVAILABLE',
      'The key service did not answer service.ping within 10 ms.',
    ]);
  });

  test('fails when its caller gives it up', async () => {
    const { handlers, asked } = gatedPing();
    const client = clientOf(testServer({ handlers, limits: { stopMs: 0 } }));
    const caller = new AbortController();
    const call = failureOf(client.call('service.ping', {}, { signal: caller.signal }));
    await asked;
    caller.abort('gone');
    const error = await call;
    expect([error.code, error.cause]).toEqual(['UNAVAILABLE', 'gone']);
  });

  test('given up before it was made fails at once', async () => {
    const client = clientOf(testServer());
    const call = client.call('service.ping', {}, { signal: AbortSignal.abort('gone') });
    expect((await failureOf(call)).cause).toBe('gone');
  });

  test('that does not fit in a line fails alone', async () => {
    const client = clientOf(testServer());
    const exclude = Array.from({ length: 100_000 }, () => '0123456789ab');
    const call = client.call('lease.acquire', { ...PARAMS['lease.acquire'], exclude });
    expect((await failureOf(call)).code).toBe('INVALID_PARAMS');
    expect(await client.call('service.ping', {})).toEqual({ pong: true });
  });

  test('leaves nothing on its signal', async () => {
    const client = clientOf(testServer());
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    const added = vi.spyOn(signal, 'addEventListener');
    await client.call('service.ping', {}, { signal });
    expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
  });
});

test('calls made in one turn leave in one write', async () => {
  const server = testServer();
  const chunks: unknown[] = [];
  const connect = () =>
    connectInMemory({
      accept: (stream) => {
        server.accept(stream);
        stream.on('data', (chunk) => chunks.push(chunk));
      },
    });
  const client = testClient({ connect });
  await client.call('service.ping', {});
  chunks.length = 0;
  await Promise.all(Array.from({ length: 100 }, () => client.call('service.ping', {})));
  expect(chunks).toHaveLength(1);
});

test('many calls at once are all answered, however few the service takes at a time', async () => {
  const handlers: Partial<Handlers> = {
    'service.ping': () => new Promise((resolve) => setImmediate(resolve, { pong: true })),
  };
  const client = clientOf(testServer({ handlers }));
  const calls = Array.from({ length: 3_000 }, () => client.call('service.ping', {}));
  expect(await Promise.all(calls)).toHaveLength(3_000);
});

test('an answer that comes too late is handed over, once', async () => {
  const { handlers, open } = gatedPing();
  const late = Promise.withResolvers<LateResult>();
  const onLateResult = vi.fn(late.resolve);
  const client = clientOf(testServer({ handlers }), { onLateResult });
  await failureOf(client.call('service.ping', {}, { timeoutMs: 10 }));
  open();
  expect(await late.promise).toEqual({
    method: 'service.ping',
    params: {},
    result: { pong: true },
  });
  await client.call('service.status', {});
  expect(onLateResult).toHaveBeenCalledOnce();
});

describe('without a connection', () => {
  test('a call waits for one', async () => {
    const server = testServer();
    const door = Promise.withResolvers<undefined>();
    const client = testClient({ connect: () => door.promise.then(() => connectInMemory(server)) });
    const call = client.call('service.ping', {});
    expect(client.state).toBe('connecting');
    door.resolve(undefined);
    expect(await call).toEqual({ pong: true });
    expect(client.state).toBe('ready');
  });

  test('a call fails at its deadline and says why there is none', async () => {
    const path = join(temporaryFolder(), 'kms.sock');
    const client = testClient({ connect: () => connectToUnixSocket(path) });
    const error = await failureOf(client.call('service.ping', {}, { timeoutMs: 30 }));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toContain('is it running?');
    expect(error.cause).toMatchObject({ cause: { code: 'ENOENT' } });
  });

  test('a call given up is never sent', async () => {
    const server = testServer();
    const door = Promise.withResolvers<undefined>();
    const onLateResult = vi.fn();
    const connect = () => door.promise.then(() => connectInMemory(server));
    const client = testClient({ connect, onLateResult });
    await failureOf(client.call('lease.acquire', PARAMS['lease.acquire'], { timeoutMs: 10 }));
    door.resolve(undefined);
    await client.call('service.ping', {});
    expect(onLateResult).not.toHaveBeenCalled();
  });

  test('only so many calls wait', async () => {
    const client = testClient({ connect: () => Promise.reject(new Error('no')) });
    const calls = Array.from({ length: 10_000 }, () => failureOf(client.call('service.ping', {})));
    const error = await failureOf(client.call('service.ping', {}));
    expect(error.message).toContain('Too many calls');
    await client.close();
    await Promise.all(calls);
  });
});

describe('a connection that breaks', () => {
  /** A client whose connections can be cut. */
  function cuttable(server: KmsServer, options: Partial<KmsClientOptions> = {}) {
    const streams: Duplex[] = [];
    const connect = async () => {
      const stream = await connectInMemory(server);
      streams.push(stream);
      return stream;
    };
    const client = testClient({ connect, ...options });
    return { client, cut: () => streams.at(-1)?.destroy(), streams };
  }

  test('fails the calls on it at once, and the next call goes over another', async () => {
    const { handlers, asked } = gatedPing();
    const { client, cut } = cuttable(testServer({ handlers, limits: { stopMs: 0 } }));
    const call = failureOf(client.call('service.ping', {}, { timeoutMs: 60_000 }));
    await asked;
    cut();
    expect((await call).code).toBe('UNAVAILABLE');
    expect(await client.call('service.status', {})).toMatchObject({ version: '1.2.3' });
  });

  test('lets a caller that asks again at once get its answer', async () => {
    const { handlers, asked } = gatedPing();
    const { client, cut } = cuttable(testServer({ handlers, limits: { stopMs: 0 } }));
    const call = client
      .call('service.ping', {}, { timeoutMs: 60_000 })
      .catch(() => client.call('service.status', {}));
    await asked;
    cut();
    expect(await call).toMatchObject({ version: '1.2.3' });
  });

  test('is told, and so is its return', async () => {
    const states: [ClientState, string | undefined][] = [];
    const onState = (state: ClientState, error?: KmsError) => states.push([state, error?.code]);
    const { client, cut } = cuttable(testServer(), { onState });
    await client.call('service.ping', {});
    cut();
    await expect.poll(() => client.state).toBe('connecting');
    await client.call('service.ping', {});
    await client.close();
    expect(states).toEqual([
      ['ready', undefined],
      ['connecting', 'UNAVAILABLE'],
      ['ready', undefined],
      ['closed', 'UNAVAILABLE'],
    ]);
  });

  test('is followed by a hello that names the leases still in use', async () => {
    const named: (readonly HeldLease[])[] = [];
    const server = testServer({ onSession: ({ leases }: Opened) => void named.push(leases) });
    let active: HeldLease[] = [];
    const { client, cut } = cuttable(server, { activeLeases: () => active });
    await client.call('service.ping', {});
    active = [{ leaseId: LEASE_ID, expiresAt: 9 }];
    cut();
    await expect.poll(() => client.state).toBe('connecting');
    await client.call('service.ping', {});
    expect(named).toEqual([[], active]);
  });

  test('comes back when the service does', async () => {
    const path = join(temporaryFolder(), 'kms.sock');
    const client = testClient({ connect: () => connectToUnixSocket(path), timeoutMs: 10_000 });
    for (let round = 0; round < 2; round += 1) {
      const server = testServer();
      const listener = await listenOnUnixSocket(path, server.accept, () => undefined);
      expect(await client.call('service.ping', {})).toEqual({ pong: true });
      listener.close();
      await server.stop();
    }
  });

  test.each([
    ['sends what is no JSON', 'hello\n'],
    ['asks instead of answering', '{"jsonrpc":"2.0","id":1,"method":"m"}\n'],
    [
      'says that something is wrong',
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}\n',
    ],
    ['sends no end of a line', 'x'.repeat(1_100_000)],
    [
      'goes wrong in the same breath as it answers the hello',
      '{"jsonrpc":"2.0","id":1,"result":{"protocol":1,"version":"1.2.3"}}\nhello\n',
    ],
    ['hangs up', null],
  ])('because the service %s is replaced', async (_title, bytes) => {
    const server = testServer();
    let attempts = 0;
    const connect = async () => {
      attempts += 1;
      if (attempts > 1) return await connectInMemory(server);
      return await connectInMemory({
        accept: (stream) => {
          stream.once('data', () => {
            if (bytes === null) stream.end();
            else stream.write(bytes);
          });
        },
      });
    };
    const client = testClient({ connect, timeoutMs: 5_000 });
    expect(await client.call('service.ping', {})).toEqual({ pong: true });
    expect(attempts).toBe(2);
  });
});

describe('a hello that is refused', () => {
  test('is final: calls fail with the refusal, and nothing is tried again', async () => {
    const server = testServer();
    const connect = vi.fn(() => connectInMemory(server));
    const states: unknown[] = [];
    const client = testClient({
      connect,
      token: TOKENS.operator,
      onState: (state, error) => states.push([state, error?.code]),
    });
    expect((await failureOf(client.call('service.ping', {}))).code).toBe('FORBIDDEN');
    expect((await failureOf(client.call('service.ping', {}))).code).toBe('FORBIDDEN');
    await client.close();
    expect(states).toEqual([['refused', 'FORBIDDEN']]);
    expect(connect).toHaveBeenCalledOnce();
  });

  test('because the service is full is tried again', async () => {
    const server = testServer({ limits: { connections: 1 } });
    const first = clientOf(server);
    await first.call('service.ping', {});
    const second = clientOf(server, { timeoutMs: 5_000 });
    const call = second.call('service.ping', {});
    await expect.poll(() => first.state).toBe('ready');
    await first.close();
    expect(await call).toEqual({ pong: true });
  });
});

describe('a client that is closed', () => {
  test('fails the calls on its connection and those that wait', async () => {
    const { handlers, asked } = gatedPing();
    const client = clientOf(testServer({ handlers, limits: { stopMs: 0 } }));
    const call = failureOf(client.call('service.ping', {}));
    await asked;
    await client.close();
    expect((await call).message).toBe('This client is closed.');
    expect((await failureOf(client.call('service.ping', {}))).message).toBe(
      'This client is closed.',
    );
    expect(client.state).toBe('closed');
  });

  test('leaves no connection', async () => {
    const gone = Promise.withResolvers<undefined>();
    const server = testServer({ onSessionEnd: () => gone.resolve(undefined) });
    const client = clientOf(server);
    await client.call('service.ping', {});
    await client.close();
    await gone.promise;
  });

  test('while a connection is being opened closes that too', async () => {
    const server = testServer();
    const door = Promise.withResolvers<undefined>();
    const client = testClient({ connect: () => door.promise.then(() => connectInMemory(server)) });
    const closing = client.close();
    door.resolve(undefined);
    await closing;
  });

  test('while it waits to try again is closed at once', async () => {
    const client = testClient({ connect: () => Promise.reject(new Error('no')) });
    await client.close();
    expect(client.state).toBe('closed');
  });
});
