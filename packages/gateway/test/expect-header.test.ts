import { expect, it } from 'vitest';
import { headerLines, statusOf } from './support/http-message.ts';
import { ACCESS_KEY, rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { answering, OK, startRecordingUpstream } from './support/recording-upstream.ts';

it('meets 100-continue itself: the upstream sees the leased key only, and no Expect', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  client.send(
    rawRequest('POST', '/api/v1/chat/completions', ['Content-Length: 4', 'Expect: 100-continue']),
  );
  expect(statusOf(await client.message(0))).toBe(100);
  client.send('body');
  expect(statusOf(await client.message(1))).toBe(200);
  const [request] = upstream.requests();
  expect(request?.body.toString()).toBe('body');
  expect(request && headerLines(request, 'authorization')).toEqual([
    `Bearer ${gateway.keys.secrets[0] ?? ''}`,
  ]);
  expect(upstream.received()).not.toMatch(/expect/i);
  expect(upstream.received()).not.toContain(ACCESS_KEY);
});

it('does not ask a client without a key for its body', async () => {
  const upstream = await startRecordingUpstream(answering(OK));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(
    'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n',
  );
  expect(statusOf(answer)).toBe(401);
});

it.each(['something-else', '100-continue, other', '200-ok'])(
  'refuses the expectation %s with 417, in the shape of the API',
  async (expectation) => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('x', [`Expect: ${expectation}`]));
    expect(statusOf(answer)).toBe(417);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      error: { code: 417, metadata: { source: 'gateway' } },
    });
    expect(upstream.received()).toBe('');
    expect(gateway.keys.leases).toBe(0);
  },
);
