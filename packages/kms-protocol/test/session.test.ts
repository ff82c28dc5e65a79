import { describe, expect, test } from 'vitest';
import { contract, type Role } from '../src/contract.ts';
import { ERROR_CODE } from '../src/error-code.ts';
import type { HandledMethod, Session } from '../src/handlers.ts';
import { connectInMemory } from '../src/in-memory.ts';
import type { Opened } from '../src/server-connection.ts';
import {
  LEASE_ID,
  PARAMS,
  TOKENS,
  helloLine,
  openPeer,
  rawPeer,
  request,
  testServer,
} from './support.ts';

const parsed = (line: string | undefined): unknown => JSON.parse(line ?? 'null');
const answerTo = (id: unknown, code: keyof typeof ERROR_CODE) =>
  expect.objectContaining({
    id,
    error: expect.objectContaining({ code: ERROR_CODE[code] }) as unknown,
  }) as unknown;
const METHODS = Object.keys(PARAMS) as HandledMethod[];

describe('a hello', () => {
  test('opens a session and is told protocol and version', async () => {
    const peer = rawPeer(await connectInMemory(testServer()));
    peer.send(helloLine('gateway'));
    expect(parsed(await peer.next())).toEqual({
      jsonrpc: '2.0',
      id: 'hello',
      result: { protocol: 1, version: '1.2.3' },
    });
  });

  test('hands over the leases that are still in use before it is answered', async () => {
    const seen: unknown[] = [];
    const gate = Promise.withResolvers<undefined>();
    const onSession = async ({ session, leases }: Opened) => {
      seen.push(session, leases);
      await gate.promise;
      seen.push('done');
    };
    const peer = rawPeer(await connectInMemory(testServer({ onSession })));
    const leases = [{ leaseId: LEASE_ID, expiresAt: 5 }];
    peer.send(helloLine('gateway', leases));
    const answered = peer.next().then(() => seen.push('answered'));
    gate.resolve(undefined);
    await answered;
    expect(seen).toEqual([{ id: 1, role: 'gateway' }, leases, 'done', 'answered']);
  });

  const hello = (change: object) =>
    request(1, 'session.hello', {
      protocol: 1,
      role: 'gateway',
      token: TOKENS.gateway.reveal(),
      ...change,
    });

  test.each([
    ['a wrong token', hello({ token: 'wrong' }), 'FORBIDDEN'],
    ['an empty token', hello({ token: '' }), 'FORBIDDEN'],
    ['the token of the other role', hello({ role: 'operator' }), 'FORBIDDEN'],
    ['another protocol', hello({ protocol: 2 }), 'HELLO_REQUIRED'],
    [
      'another protocol, whatever else that has',
      request(1, 'session.hello', { protocol: 2, user: 'u' }),
      'HELLO_REQUIRED',
    ],
    ['an unknown role', hello({ role: 'root' }), 'INVALID_PARAMS'],
    ['a member too many', hello({ more: 1 }), 'INVALID_PARAMS'],
    ['positional parameters', request(1, 'session.hello', [1, 'gateway']), 'INVALID_PARAMS'],
    ['no parameters', request(1, 'session.hello'), 'INVALID_PARAMS'],
  ] as const)('with %s is refused, and it was the last word', async (_title, line, code) => {
    const peer = rawPeer(await connectInMemory(testServer()));
    peer.send(line, request(2, 'service.ping'));
    expect((await peer.rest()).map(parsed)).toEqual([answerTo(1, code)]);
  });

  test('does not come twice', async () => {
    const peer = await openPeer(testServer(), 'gateway');
    peer.send(helloLine('operator'), request(2, 'service.ping'));
    expect(parsed(await peer.next())).toEqual(answerTo('hello', 'INVALID_REQUEST'));
    expect(parsed(await peer.next())).toMatchObject({ id: 2, result: { pong: true } });
  });

  test('whose session cannot be opened is refused without a word about why', async () => {
    const errors: unknown[] = [];
    const server = testServer({
      onSession: () => Promise.reject(new Error('canary')),
      onError: (error, method) => errors.push([(error as Error).message, method]),
    });
    const peer = rawPeer(await connectInMemory(server));
    peer.send(helloLine('gateway'));
    const lines = await peer.rest();
    expect(lines.map(parsed)).toEqual([answerTo('hello', 'INTERNAL_ERROR')]);
    expect(lines.join()).not.toContain('canary');
    expect(errors).toEqual([['canary', 'session.hello']]);
  });
});

test.each([
  ['a request', request(1, 'service.ping'), [answerTo(1, 'HELLO_REQUIRED')]],
  ['a request of a method that is not there', request(1, 'x'), [answerTo(1, 'HELLO_REQUIRED')]],
  ['a notification', '{"jsonrpc":"2.0","method":"service.ping"}', []],
  ['HTTP', 'GET / HTTP/1.1', [answerTo(null, 'PARSE_ERROR')]],
  ['an empty batch', '[]', [answerTo(null, 'INVALID_REQUEST')]],
])('a connection that begins with %s is closed', async (_title, line, answers) => {
  const peer = rawPeer(await connectInMemory(testServer()));
  peer.send(line, helloLine('gateway'));
  expect((await peer.rest()).map(parsed)).toEqual(answers);
});

describe('a session', () => {
  test('ends once, whoever ends it, and before the server has stopped', async () => {
    const ended: Session[] = [];
    const server = testServer({ onSessionEnd: (session) => ended.push(session) });
    const first = await openPeer(server, 'gateway');
    await openPeer(server, 'operator');
    first.stream.destroy();
    await expect.poll(() => ended).toEqual([{ id: 1, role: 'gateway' }]);
    await server.stop();
    expect(ended).toEqual([
      { id: 1, role: 'gateway' },
      { id: 2, role: 'operator' },
    ]);
  });

  test('that was never open does not end', async () => {
    const ended: Session[] = [];
    const server = testServer({ onSessionEnd: (session) => ended.push(session) });
    const peer = rawPeer(await connectInMemory(server));
    peer.send('[]');
    await peer.rest();
    await server.stop();
    expect(ended).toEqual([]);
  });
});

describe.each(['gateway', 'operator'] as const)('the role %s', (role: Role) => {
  test.each(METHODS)('may call %s exactly if the contract says so', async (method) => {
    const peer = await openPeer(testServer(), role);
    peer.send(request(1, method, PARAMS[method]));
    const allowed = (contract[method].roles as readonly Role[]).includes(role);
    expect(parsed(await peer.next())).toEqual(
      allowed
        ? expect.objectContaining({ id: 1, result: expect.anything() as unknown })
        : answerTo(1, 'FORBIDDEN'),
    );
  });
});

test('only a lease carries a secret, and only the gateway gets one', () => {
  const gatewayOnly = METHODS.filter(
    (method) => !(contract[method].roles as readonly Role[]).includes('operator'),
  );
  expect(gatewayOnly).toEqual([
    'lease.acquire',
    'lease.cancel',
    'lease.confirm',
    'lease.report',
    'inspection.take',
    'inspection.report',
    'requests.record',
    'objects.remember',
    'objects.find',
    'objects.list',
    'objects.forget',
    'management.key',
  ]);
});
