import { expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, OK, startRecordingUpstream } from './support/recording-upstream.ts';

const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

it.each(['/v1/responses', '/api/v1/chat/completions', '/api/v1/realtime?model=m', '/v1/models'])(
  'answers a WebSocket handshake on %s with 426, without a lease, and keeps the connection',
  async (path) => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    client.send(rawRequest('GET', path, HANDSHAKE));
    const answer = await client.message();
    expect(statusOf(answer)).toBe(426);
    expect(headerLines(answer, 'upgrade')).toEqual(['HTTP/1.1']);
    expect(headerLines(answer, 'connection')).toEqual(['Upgrade']);
    expect(answer.body.toString()).toContain('supports_websockets = false');
    expect([gateway.keys.asked, upstream.received()]).toEqual([0, '']);
    client.send(rawRequest('GET', '/health/live'));
    expect(statusOf(await client.message(1))).toBe(200);
  },
);

it('asks for the access key before it says anything about WebSockets', async () => {
  const gateway = await startTestGateway('http://127.0.0.1:1');
  const head = ['GET /v1/responses HTTP/1.1', 'Host: gateway', ...HANDSHAKE, '\r\n'];
  expect(statusOf(await gateway.send(head.join('\r\n')))).toBe(401);
});

it.each([['h2c'], ['h2c, foo/2'], ['websocket2']])(
  'serves an ordinary request that offers the upgrade to %s',
  async (protocols) => {
    const upstream = await startRecordingUpstream(answering(OK, OK));
    const gateway = await startTestGateway(upstream.url);
    const lines = ['Connection: Upgrade, HTTP2-Settings', `Upgrade: ${protocols}`];
    const settings = 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA';
    expect(statusOf(await gateway.send(rawPost('{}', [...lines, settings])))).toBe(200);
    expect(
      statusOf(
        await gateway.send(rawRequest('GET', '/v1/datasets/session-cost', [...lines, settings])),
      ),
    ).toBe(200);
    expect(upstream.received()).not.toMatch(/upgrade|http2-settings/i);
  },
);

it('ignores the wish for a WebSocket in a POST, which cannot open one', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  expect(statusOf(await gateway.send(rawPost('{}', HANDSHAKE)))).toBe(200);
  expect(upstream.received()).not.toMatch(/websocket/i);
});
