import { expect, it } from 'vitest';
import { headerLines } from './support/http-message.ts';
import { ACCESS_KEY, rawPost, startTestGateway } from './support/gateway.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

it('forwards no hop-by-hop field and keeps its own key, whatever Connection names', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(
    rawPost('{}', [
      'Content-Type: application/json',
      'Connection: keep-alive, Authorization, X-Api, content-type, x-request-id, host',
      'X-Api: 1',
      'Keep-Alive: timeout=9',
      'TE: trailers',
      'Trailer: X-Late',
      'Proxy-Authorization: Basic Y2xpZW50',
      'Proxy-Connection: keep-alive',
      'Upgrade: websocket',
      'HTTP2-Settings: AAMAAABk',
    ]),
  );
  const [request] = upstream.requests();
  const names = request?.headers.map(([name]) => name.toLowerCase()).sort();
  expect(names).toEqual([
    'authorization',
    'connection',
    'content-length',
    'content-type',
    'host',
    'x-request-id',
  ]);
  expect(request && headerLines(request, 'authorization')).toEqual([
    `Bearer ${gateway.keys.secrets[0] ?? ''}`,
  ]);
  expect(upstream.received()).not.toContain(ACCESS_KEY);
});

it('passes no hop-by-hop field of a response on, and sets Connection itself', async () => {
  const upstream = await startRecordingUpstream(
    answering(
      response('200 OK', '{}', [
        'Connection: keep-alive, X-Internal',
        'X-Internal: 1',
        'Keep-Alive: timeout=1',
        'Proxy-Authenticate: Basic',
        'Upgrade: h2c',
      ]),
    ),
  );
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{}'));
  expect(headerLines(answer, 'connection')).toEqual(['keep-alive']);
  expect(headerLines(answer, 'keep-alive')).toEqual(['timeout=75']);
  for (const name of ['x-internal', 'proxy-authenticate', 'upgrade']) {
    expect(headerLines(answer, name)).toEqual([]);
  }
});

it('never reflects a Connection value of the client', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(rawPost('{}', ['Connection: close, x-reflected']));
  await client.ended();
  expect(client.received).not.toContain('x-reflected');
});

it('takes an upgrade to websocket for a plain request', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(
    rawPost('{}', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']),
  );
  expect(answer.startLine).toBe('HTTP/1.1 200 OK');
  expect(upstream.received()).not.toMatch(/websocket/i);
});
