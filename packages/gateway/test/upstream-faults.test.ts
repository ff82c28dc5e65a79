import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { headerLines, statusOf } from './support/http-message.ts';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

const head = (startLine: string, ...lines: string[]) => [startLine, ...lines, '', ''].join('\r\n');

it.each([
  ['status 099', head('HTTP/1.1 099 Low', 'Content-Length: 0')],
  ['status 1000', head('HTTP/1.1 1000 High', 'Content-Length: 0')],
  ['status 600', head('HTTP/1.1 600 High', 'Content-Length: 0')],
  ['status 000', head('HTTP/1.1 000 None', 'Content-Length: 0')],
  [
    'status 101',
    head('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'),
  ],
  ['status 101 without Upgrade', head('HTTP/1.1 101 Switching Protocols')],
  ['HTTP/2.0', head('HTTP/2.0 200 OK', 'Content-Length: 0')],
  ['no status line', 'hello\r\n\r\n'],
  ['random bytes', Buffer.from([0, 255, 1, 254, 13, 10, 13, 10])],
  ['a NUL in a header', head('HTTP/1.1 200 OK', 'X-A: 1\x002', 'Content-Length: 0')],
  ['a bare CR in a header', head('HTTP/1.1 200 OK', 'X-A: 1\rX-B: 2', 'Content-Length: 0')],
  ['two lengths', head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Content-Length: 3') + 'abc'],
  [
    'a length with Transfer-Encoding',
    head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
  ],
  [
    '2 MiB of headers',
    head('HTTP/1.1 200 OK', ...Array<string>(2048).fill(`X-A: ${'x'.repeat(1024)}`)),
  ],
  ['10,000 interim responses', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(10_000) + OK],
  ['10,000 early hints', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(10_000) + OK],
])(
  'tries anew after %s, each time on another connection, and answers 502',
  async (_what, bytes) => {
    const upstream = await startRecordingUpstream(answering(bytes));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{}'));
    expect(statusOf(answer)).toBe(502);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      error: { code: 502, type: 'upstream_error', metadata: { source: 'gateway' } },
    });
    for (const connection of upstream.connections) await connection.ended();
    expect(upstream.connections).toHaveLength(3);
    expect(upstream.requests()).toHaveLength(3);
    const outcomes = ['connection_failed', 'connection_failed', 'connection_failed'];
    await expect.poll(() => gateway.keys.outcomes()).toEqual(outcomes);
  },
);

it('serves a request whose first answer was no HTTP', async () => {
  const upstream = await startRecordingUpstream(answering('hello\r\n\r\n', OK));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{}'));
  expect(statusOf(answer)).toBe(200);
  expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['2']);
});

it('drops early hints and delivers the response', async () => {
  const upstream = await startRecordingUpstream(
    answering(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`),
  );
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{}'));
  expect(answer.startLine).toBe('HTTP/1.1 200 OK');
  expect(headerLines(answer, 'link')).toEqual([]);
});

it('drops the length that a 204 must not have', async () => {
  const upstream = await startRecordingUpstream(
    answering(head('HTTP/1.1 204 No Content', 'Content-Length: 5')),
  );
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawRequest('DELETE', '/api/v1/things/x'));
  expect(statusOf(answer)).toBe(204);
  expect(headerLines(answer, 'content-length')).toEqual([]);
  expect(headerLines(answer, 'transfer-encoding')).toEqual([]);
});

it('relays a HEAD with the length of what a GET would bring', async () => {
  const upstream = await startRecordingUpstream(
    answering(head('HTTP/1.1 200 OK', 'Content-Length: 1234')),
  );
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawRequest('HEAD', '/api/v1/generation?id=1'));
  expect(headerLines(answer, 'content-length')).toEqual(['1234']);
  expect(answer.body).toHaveLength(0);
});

it('does not use a connection again on which more came than one response', async () => {
  const upstream = await startRecordingUpstream(answering(OK + response('200 OK', 'for nobody')));
  const gateway = await startTestGateway(upstream.url);
  const first = await gateway.send(rawPost('{}'));
  const second = await gateway.send(rawPost('{}'));
  expect(first.body.toString()).toBe('{"ok":true}');
  expect(second.body.toString()).toBe('{"ok":true}');
  expect(upstream.connections).toHaveLength(2);
});

it.each(['X', '\0', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nEVL'])(
  'delivers a whole response, and nothing of what came behind it: %j',
  async (surplus) => {
    const upstream = await startRecordingUpstream(answering(OK + surplus));
    const gateway = await startTestGateway(upstream.url);
    for (let turn = 0; turn < 2; turn += 1) {
      const answer = await gateway.send(rawPost('{"model":"m"}'));
      expect(statusOf(answer)).toBe(200);
      expect(answer.body.toString()).toBe('{"ok":true}');
    }
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['success', 'success']);
    expect(upstream.connections).toHaveLength(2);
  },
);

it.each(['reset', 'end'] as const)(
  'answers 502 within moments when the upstream takes the request, and its repetitions, and ends the connection (%s)',
  async (how) => {
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      if (how === 'reset') connection.reset();
      else connection.socket.end();
    });
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{}'));
    expect(statusOf(answer)).toBe(502);
    expect(upstream.requests()).toHaveLength(3);
  },
);

it('tries a connection that was refused twice more, and reports on each lease', async () => {
  const gateway = await startTestGateway('http://127.0.0.1:1/api/v1');
  const answer = await gateway.send(rawPost('{}'));
  expect(statusOf(answer)).toBe(502);
  expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['3']);
  await expect
    .poll(() => gateway.keys.outcomes())
    .toEqual(['connection_failed', 'connection_failed', 'connection_failed']);
});

it('serves a request whose first connection was refused once the upstream listens again', async () => {
  const away = createServer().listen(0, '127.0.0.1');
  await once(away, 'listening');
  const { port } = away.address() as AddressInfo;
  away.close();
  await once(away, 'close');
  const gateway = await startTestGateway(`http://127.0.0.1:${port}/api/v1`);
  const first = Promise.withResolvers<undefined>();
  const second = Promise.withResolvers<undefined>();
  gateway.keys.mayLease = first.promise;
  const answer = gateway.send(rawPost('{}'));
  await expect.poll(() => gateway.keys.asked).toBe(1);
  gateway.keys.mayLease = second.promise;
  first.resolve(undefined);
  await expect.poll(() => gateway.keys.asked).toBe(2);
  await startRecordingUpstream(answering(OK), port);
  second.resolve(undefined);
  expect(statusOf(await answer)).toBe(200);
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['connection_failed', 'success']);
});

it('answers 502 when the name of the upstream does not resolve', async () => {
  const gateway = await startTestGateway('http://no-such-host.invalid/api/v1', {
    upstream: { connectTimeoutMs: 10_000 },
  });
  const answer = await gateway.send(rawPost('{}'));
  expect(statusOf(answer)).toBe(502);
});
