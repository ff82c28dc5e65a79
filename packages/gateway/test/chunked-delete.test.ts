import { expect, it } from 'vitest';
import { statusOf } from './support/http-message.ts';
import { rawRequest, startTestGateway } from './support/gateway.ts';
import { answering, OK, startRecordingUpstream } from './support/recording-upstream.ts';

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
const CHUNKED = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;

it.each(['DELETE', 'OPTIONS', 'GET', 'HEAD', 'TRACE', 'PROPFIND', 'QUERY'])(
  'refuses a chunked %s and ends the connection; nothing of it reaches the upstream',
  async (method) => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawRequest(method, '/api/v1/x', ['Transfer-Encoding: chunked'], CHUNKED));
    await client.ended();
    expect(client.received.match(/HTTP\/1.1 /g)).toHaveLength(1);
    expect(client.received).toMatch(/^HTTP\/1.1 40[05] /);
    expect(client.received).toMatch(/\r\nconnection: close\r\n/i);
    expect(upstream.received()).toBe('');
    expect(gateway.keys.leases).toBe(0);
  },
);

it.each(['PUT', 'PATCH', 'POST'])(
  'sends a chunked %s as one request, its body framed again',
  async (method) => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(
      rawRequest(method, '/api/v1/x', ['Transfer-Encoding: chunked'], CHUNKED),
    );
    expect(statusOf(answer)).toBe(200);
    expect(upstream.requests()).toHaveLength(1);
    expect(upstream.requests()[0]).toMatchObject({ framing: 'chunked', complete: true });
    expect(upstream.requests()[0]?.body.toString()).toBe(SMUGGLED);
  },
);

it('sends a DELETE with a body of stated length as one request', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const length = `Content-Length: ${SMUGGLED.length}`;
  await gateway.send(rawRequest('DELETE', '/api/v1/things/x', [length], SMUGGLED));
  expect(upstream.requests().map(({ body }) => body.toString())).toEqual([SMUGGLED]);
});
