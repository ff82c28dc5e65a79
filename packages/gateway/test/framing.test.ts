import { expect, it } from 'vitest';
import { ACCESS_KEY, startTestGateway } from './support/gateway.ts';
import { answering, OK, startRecordingUpstream } from './support/recording-upstream.ts';

const KEY = `Authorization: Bearer ${ACCESS_KEY}`;
const POST = `POST /api/v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n${KEY}\r\n`;
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

it.each([
  [
    'Content-Length with Transfer-Encoding',
    `${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  ['two different lengths', `${POST}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`],
  ['two equal lengths', `${POST}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`],
  ['a length with a sign', `${POST}Content-Length: +5\r\n\r\nabcde`],
  ['a list of lengths', `${POST}Content-Length: 5, 5\r\n\r\nabcde`],
  ['a length in hexadecimal', `${POST}Content-Length: 0x5\r\n\r\nabcde`],
  ['a length of 2^64', `${POST}Content-Length: 18446744073709551616\r\n\r\nabcde`],
  ['a negative length', `${POST}Content-Length: -1\r\n\r\nabcde`],
  ['chunked, identity', `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['gzip, chunked', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['xchunked', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['a vertical tab before chunked', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  [
    'two transfer encodings',
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
  ],
  [
    'chunked twice',
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'chunked over HTTP/1.0',
    `${POST.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['no Host', `GET /api/v1/key HTTP/1.1\r\n${KEY}\r\n\r\n`],
  ['two Hosts', `GET /api/v1/key HTTP/1.1\r\nHost: gateway\r\nHost: evil\r\n${KEY}\r\n\r\n`],
  [
    'two equal Hosts',
    `GET /api/v1/key HTTP/1.1\r\nHost: gateway\r\nHost: gateway\r\n${KEY}\r\n\r\n`,
  ],
  ['a Host with a path', `GET /api/v1/key HTTP/1.1\r\nHost: a/b\r\n${KEY}\r\n\r\n`],
  ['a Host with a user', `GET /api/v1/key HTTP/1.1\r\nHost: a@b\r\n${KEY}\r\n\r\n`],
  ['a Host with a space', `GET /api/v1/key HTTP/1.1\r\nHost: a b\r\n${KEY}\r\n\r\n`],
  ['a Host with a control character', `GET /api/v1/key HTTP/1.1\r\nHost: a\x01b\r\n${KEY}\r\n\r\n`],
  ['a folded line', `GET /api/v1/key HTTP/1.1\r\nHost: gateway\r\nX-A: 1\r\n 2\r\n${KEY}\r\n\r\n`],
  ['a bare LF', `GET /api/v1/key HTTP/1.1\nHost: gateway\n${KEY}\n\n`],
  ['a bare CR', `GET /api/v1/key HTTP/1.1\r\nHost: gateway\r\nX-A: 1\rX-B: 2\r\n${KEY}\r\n\r\n`],
  ['a NUL', `GET /api/v1/key HTTP/1.1\r\nHost: gateway\r\nX-A: 1\x002\r\n${KEY}\r\n\r\n`],
  [
    'a space before the colon',
    `GET /api/v1/key HTTP/1.1\r\nHost: gateway\r\nX-A : 1\r\n${KEY}\r\n\r\n`,
  ],
  ['an empty name', `GET /api/v1/key HTTP/1.1\r\nHost: gateway\r\n: 1\r\n${KEY}\r\n\r\n`],
  ['a method nobody knows', `FOO /api/v1/key HTTP/1.1\r\nHost: gateway\r\n${KEY}\r\n\r\n`],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['a negative chunk size', `${POST}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n`],
])(
  'refuses %s and ends the connection; nothing of it reaches the upstream',
  async (_what, bytes) => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(bytes);
    await client.ended();
    expect(client.received).toMatch(/^HTTP\/1.1 40[05] /);
    expect(client.received).toMatch(/\r\nconnection: close\r\n/i);
    expect(client.received.match(/HTTP\/1.1 /g)).toHaveLength(1);
    // What was sent before the fault showed may be under way; it never becomes a complete request.
    expect(upstream.requests()).toEqual([]);
  },
);

it.each([
  [
    '431',
    'more than 100 header lines',
    `GET /api/v1/key HTTP/1.1\r\nHost: gateway\r\n${KEY}\r\n${'X: 1\r\n'.repeat(99)}\r\n`,
  ],
  [
    '431',
    'headers of 17 KiB',
    `GET /api/v1/key HTTP/1.1\r\nHost: gateway\r\n${KEY}\r\nX: ${'x'.repeat(17 * 1024)}\r\n\r\n`,
  ],
  [
    '431',
    'a target of 17 KiB',
    `GET /api/v1/${'x'.repeat(17 * 1024)} HTTP/1.1\r\nHost: gateway\r\n${KEY}\r\n\r\n`,
  ],
  ['413', 'a body announced as too large', `${POST}Content-Length: 1048577\r\n\r\n`],
])('answers %s to %s, before it takes a lease', async (status, _what, bytes) => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(bytes);
  await client.ended();
  expect(client.received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(client.received.toLowerCase()).toContain('\r\nx-request-id: ');
  expect(gateway.keys.leases).toBe(0);
  expect(upstream.received()).toBe('');
});

it('keeps pipelined requests and their answers in order', async () => {
  const upstream = await startRecordingUpstream(async (connection, index) => {
    const { startLine } = await connection.message();
    // The first is answered last.
    if (startLine.includes('/one')) await expect.poll(() => upstream.connections.length).toBe(2);
    connection.send(
      OK.replace('"ok":true', startLine.includes('/one') ? '"n":"one"' : '"n":"two"').replace(
        /Length: \d+/,
        'Length: 11',
      ),
    );
    return index;
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: gateway\r\n${KEY}\r\n\r\n`;
  client.send(get('/v1/one') + get('/v1/two'));
  expect((await client.message(0)).body.toString()).toBe('{"n":"one"}');
  expect((await client.message(1)).body.toString()).toBe('{"n":"two"}');
});

it('gives up every pipelined request of a client that goes away', async () => {
  const upstream = await startRecordingUpstream(() => undefined);
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(`GET /v1/one HTTP/1.1\r\nHost: gateway\r\n${KEY}\r\n\r\n`.repeat(3));
  await expect.poll(() => upstream.requests().length).toBe(3);
  client.reset();
  await Promise.all(upstream.connections.map((connection) => connection.ended()));
  await expect.poll(() => gateway.keys.outcomes()).toEqual(Array(3).fill('client_abort'));
});
